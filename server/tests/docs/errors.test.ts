import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ERRORS } from '../../src/domain/errors.ts';
import { JOB_TYPES } from '../../src/jobTypes/jobTypes.ts';
import { readDoc, tableRows } from './markdown.ts';

const doc = readDoc('errors.md');

describe('docs/errors.md', () => {
  it('lists every error with its status and whether it is tried again, and no other', () => {
    const rows = tableRows(doc, 'code', 'status', 'tried again', 'meaning', 'what to do');
    const listed = rows.map(([code, status, again]) => [code, Number(status), again === 'yes']);
    const known = Object.entries(ERRORS).map(([code, rule]) => [code, rule.status, 'passing' in rule]);
    assert.deepEqual(listed, known);
  });

  it('says of every error what it means and what to do', () => {
    for (const [code, , , meaning, whatToDo] of tableRows(doc, 'code', 'status', 'tried again')) {
      assert.match(meaning ?? '', /\.$/, code);
      assert.match(whatToDo ?? '', /\.$/, code);
    }
  });

  it('lists every reason for which a record is rejected, and no other', () => {
    const listed = tableRows(doc.slice(doc.indexOf('## Reasons')), 'code', 'meaning').map(([code]) => code);
    const known = new Set(JOB_TYPES.flatMap(({ rejectCodes }) => rejectCodes));
    assert.deepEqual(listed, [...known]);
  });
});
