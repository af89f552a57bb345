// Nothing is lost while members of a group come and leave, and only those that are killed leave work to be done again.
// CHURN_SECONDS=120 CHURN_RECORDS=300000 makes it the long run, which tells its figures; -g eager for one of three.
import { expect } from 'chai';
import type { ReadOptions } from '../../src/index.js';
import { describeOnKafka } from './brokers.js';
import { churn } from './churn.js';

const LONG = process.env.CHURN_SECONDS !== undefined;
const seconds = Number(process.env.CHURN_SECONDS ?? 12);
const records = Number(process.env.CHURN_RECORDS ?? 20_000);

// By the new protocol the broker waits for a killed member, 45 s unless it is set otherwise: there, all leave cleanly.
const MODES: readonly (readonly [string, ReadOptions, boolean])[] = [
  ['eager', { assignor: 'eager' }, true],
  ['cooperative', { assignor: 'cooperative' }, true],
  ['protocol consumer', { protocol: 'consumer' }, false],
];

describeOnKafka('members of a group that come and leave', function () {
  this.timeout((seconds + 180) * 1_000);

  for (const [mode, options, kills] of MODES) {
    it(`should lose nothing, and do again only what killed ones had not committed, ${mode}`, async () => {
      const figures = await churn({ records, seconds, every: LONG ? 4_000 : 2_500, kills, options });
      if (LONG) process.stderr.write(`${mode}: ${JSON.stringify(figures)}\n`);
      expect(figures).deep.include({ lost: 0, unexplained: 0, unfinished: 0, errors: [] });
      expect([figures.left > 0, figures.killed > 0]).deep.equal([true, kills]);
      if (!kills) expect(figures.duplicates).equal(0);
    });
  }
});
