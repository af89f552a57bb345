/** One way to make a call, measured beside the others: an echo of a short string, served in a process of its own. */
export interface Contender {
  /** Serves the echo until the process ends. */
  serve(brokers: string): Promise<void>;
  /** Connects a client; the function makes one call. */
  connect(brokers: string): Promise<(text: string) => Promise<unknown>>;
}
