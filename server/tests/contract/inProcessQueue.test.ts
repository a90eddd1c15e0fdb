import { InProcessQueue } from '../../src/queue/inProcessQueue.ts';
import { type OpenQueue, syncQueueContract } from './syncQueueContract.ts';

syncQueueContract('one process', async () => {
  const errors: OpenQueue['errors'] = [];
  return { queue: new InProcessQueue({ onError: (error, jobId) => errors.push({ error, jobId }) }), errors };
});
