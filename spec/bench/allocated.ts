/** Bytes that some work allocates, whatever becomes of them: V8's sampling heap profile, garbage included. */
import { Session } from 'node:inspector/promises';

/** Bytes between samples, on average: tens of thousands of samples make the sum good to a few percent. */
const SAMPLING_INTERVAL = 1_024;

interface ProfileNode {
  readonly selfSize: number;
  readonly children: readonly ProfileNode[];
}

export async function allocatedBy(work: () => Promise<unknown>): Promise<number> {
  const session = new Session();
  session.connect();
  try {
    await session.post('HeapProfiler.startSampling', {
      samplingInterval: SAMPLING_INTERVAL,
      includeObjectsCollectedByMajorGC: true,
      includeObjectsCollectedByMinorGC: true,
    });
    await work();
    const { profile } = await session.post('HeapProfiler.stopSampling');
    return sizeOf(profile.head);
  } finally {
    session.disconnect();
  }
}

function sizeOf({ selfSize, children }: ProfileNode): number {
  return children.reduce((sum, child) => sum + sizeOf(child), selfSize);
}
