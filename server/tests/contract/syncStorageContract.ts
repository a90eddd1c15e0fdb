import { after, before, describe } from 'node:test';
import type { OpenStorage, Storage } from '../../src/storage/storage.ts';
import { applyContract } from './storageApply.ts';
import { checksumsContract } from './storageChecksums.ts';
import { claimContract } from './storageClaims.ts';
import { cleaningContract } from './storageCleaning.ts';
import { costContract } from './storageCost.ts';
import { endingContract } from './storageEndings.ts';
import { operatorContract } from './storageOperator.ts';
import { orderContract } from './storageOrder.ts';
import { partsContract } from './storageParts.ts';
import { racesContract } from './storageRaces.ts';
import { readingContract } from './storageReading.ts';
import { repeatsContract } from './storageRepeats.ts';
import { sitesContract } from './storageSites.ts';
import { snapshotsContract } from './storageSnapshots.ts';
import { uploadContract } from './storageUploads.ts';

/**
 * Every promise of the storage port, as tests. Each adapter calls this once; `open` opens storage that is empty and
 * of its own. All tests share it, and each works on sites of its own.
 */
export function syncStorageContract(name: string, open: () => Promise<OpenStorage>): void {
  describe(`storage on ${name}`, () => {
    let opened: OpenStorage | undefined;
    before(async () => {
      opened = await open();
    });
    after(() => opened?.close());
    const storage = (): Storage => {
      if (opened === undefined) throw new Error('The storage is not open yet.');
      return opened.storage;
    };
    sitesContract(storage);
    uploadContract(storage);
    partsContract(storage);
    claimContract(storage);
    applyContract(storage);
    endingContract(storage);
    orderContract(storage);
    readingContract(storage);
    operatorContract(storage);
    checksumsContract(storage);
    cleaningContract(storage, open);
    repeatsContract(storage);
    snapshotsContract(storage);
    racesContract(storage);
    costContract(storage);
  });
}
