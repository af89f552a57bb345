/** What the person at the command line can put right: an option, a param, a module, a config file. */
export class UsageError extends Error {
  override readonly name = 'UsageError';

  /** Runs `work`; the TypeErrors with which callstream refuses options become UsageErrors. */
  static async from<T>(work: () => T | Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw error instanceof TypeError ? new UsageError(error.message) : error;
    }
  }
}
