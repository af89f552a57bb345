// The spec reporter, which also adds a line of counts to the file that MOCHA_COUNTS names: a run's outcome
// for another program to read, whatever the tests print.
import { appendFileSync } from 'node:fs';
import Mocha from 'mocha';

export default class CountingReporter extends Mocha.reporters.Spec {
  constructor(runner, options) {
    super(runner, options);
    runner.once('end', () => {
      const { passes, failures } = this.stats;
      if (process.env.MOCHA_COUNTS) appendFileSync(process.env.MOCHA_COUNTS, `${passes} ${failures}\n`);
    });
  }
}
