/** What a stream's handler gives, at callstream's server and at the bare loop's: as fast as it is asked. */
export async function* items(count: number, text: string): AsyncGenerator<string> {
  for (let i = 0; i < count; i += 1) yield text;
}
