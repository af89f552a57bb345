/** What a batch job is known by, where a spec cares for no more of it. */
import type { JobIdentity } from '../../src/cli/batch/journal.js';

export const identity: JobIdentity = {
  service: 'calc',
  method: 'add',
  input: { sha256: '' },
  format: 'ndjson',
  map: undefined,
  output: 'out',
  failures: 'failures',
};
