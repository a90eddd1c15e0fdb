import { after, before, describe } from 'node:test';
import type { OpenStorage, Storage } from '../../src/storage/storage.ts';
import { RECORD_KINDS } from '../support/recordKinds.ts';
import { type ContractRun, contractRun } from './contractRun.ts';
import { applyContract } from './storageApply.ts';
import { balancesContract, balancesOrderContract } from './storageBalances.ts';
import { checksumsContract } from './storageChecksums.ts';
import { claimContract } from './storageClaims.ts';
import { cleaningContract } from './storageCleaning.ts';
import { costContract } from './storageCost.ts';
import { endingContract } from './storageEndings.ts';
import { mendingContract } from './storageMending.ts';
import { operatorContract } from './storageOperator.ts';
import { orderContract } from './storageOrder.ts';
import { emptySnapshotContract, partsContract } from './storageParts.ts';
import { racesContract } from './storageRaces.ts';
import { readingContract } from './storageReading.ts';
import { repeatsContract } from './storageRepeats.ts';
import { siteRemovalContract } from './storageSiteRemoval.ts';
import { sitesContract } from './storageSites.ts';
import { snapshotsContract } from './storageSnapshots.ts';
import { tallyContract } from './storageTally.ts';
import { ticketsContract } from './storageTickets.ts';
import { uploadContract } from './storageUploads.ts';

/**
 * Every promise of the storage port, as tests. Each adapter calls this once; `open` opens storage that is empty and
 * of its own. All tests share it, and each works on sites of its own.
 */
export function syncStorageContract(name: string, open: () => Promise<OpenStorage>): ContractRun {
  return contractRun(`storage on ${name}`, () => {
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
    siteRemovalContract(storage);
    ticketsContract(storage);
    for (const kind of RECORD_KINDS) {
      describe(`with ${kind.type}`, () => {
        uploadContract(storage, kind);
        partsContract(storage, kind);
        claimContract(storage, kind);
        applyContract(storage, kind);
        endingContract(storage, kind);
        orderContract(storage, kind);
      });
    }
    balancesContract(storage);
    balancesOrderContract(storage);
    emptySnapshotContract(storage);
    mendingContract(storage);
    readingContract(storage);
    operatorContract(storage);
    checksumsContract(storage);
    tallyContract(storage);
    cleaningContract(storage, open);
    repeatsContract(storage);
    snapshotsContract(storage);
    racesContract(storage);
    costContract(storage);
  });
}
