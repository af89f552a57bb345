/** One way to make a call, measured beside the others: an echo of a short string, served in a process of its own. */
export interface Contender {
  /** The Kafka topics that its calls go through; none where it takes another way. */
  readonly topics?: readonly string[];
  /** Serves until the process ends. */
  serve(address: string): Promise<void>;
  connect(address: string): Promise<Caller>;
}

export interface Caller {
  /** One call; resolves with its echo. */
  call(text: string): Promise<unknown>;
  /** Takes a stream of so many items to its end; resolves with how many came. `window`: where it can be chosen. */
  stream?(items: number, text: string, window?: number): Promise<number>;
  /** Makes so many calls through an operator; resolves with the seconds that it took. */
  pipe?(operator: Operator, calls: number, text: string): Promise<number>;
}

/** Operators that make calls: of inputs at hand, or, with `processEach`, of a topic's records. */
export type Operator = 'callEach' | 'callBatch' | 'processEach';
