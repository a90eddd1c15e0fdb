import { BroadcastChannel, isMainThread, workerData } from 'node:worker_threads';

/** Loaded into a server and each of its threads: SIGUSR2 makes the thread that `TEST_THREAD` names die. */
const channel = new BroadcastChannel('dyingThread');
channel.unref();
if (isMainThread) process.on('SIGUSR2', () => channel.postMessage('die'));
else if (threadName() === process.env.TEST_THREAD) {
  channel.onmessage = () => {
    setImmediate(() => {
      throw new Error('This thread is broken.');
    });
  };
}

function threadName(): string {
  const storage = workerData as { readOnly: boolean } | null;
  if (storage === null) return 'intake';
  return storage.readOnly ? 'reader' : 'writer';
}
