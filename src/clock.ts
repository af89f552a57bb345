/**
 * The time that everything above Kafka runs on, so that specs can run it on a virtual one.
 */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
  /** Runs `work` once, `ms` milliseconds from now; the returned function takes it back. */
  after(ms: number, work: () => void): () => void;
  /** Runs `work` at the end of this turn of the event loop. */
  soon(work: () => void): void;
}

export const systemClock: Clock = {
  now: Date.now,
  after: (ms, work) => {
    const timer = setTimeout(work, ms);
    return () => clearTimeout(timer);
  },
  soon: (work) => {
    setImmediate(work);
  },
};

/** Where clients, records and items of streams keep the clock of their connection: operators wait on it. */
export const CLOCK: unique symbol = Symbol('callstream.clock');

/** The clock of the connection that it comes from; the system's, where it comes from none. */
export const clockOf = (given: object): Clock => (given as { [CLOCK]?: Clock })[CLOCK] ?? systemClock;
