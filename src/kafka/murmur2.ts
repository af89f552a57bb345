/**
 * The partition of a key as Kafka's own clients choose it, so that a key meets the same partition
 * whoever sends it.
 */
const SEED = 0x9747b28c;
const M = 0x5bd1e995;

/** MurmurHash2 in 32 bits with Kafka's seed, as a signed integer, equal to Java's `Utils.murmur2`. */
export function murmur2(bytes: Uint8Array): number {
  const { length } = bytes;
  const byte = (at: number): number => bytes[at] as number;
  const whole = length & ~3;
  let hash = SEED ^ length;
  for (let i = 0; i < whole; i += 4) {
    let k = byte(i) | (byte(i + 1) << 8) | (byte(i + 2) << 16) | (byte(i + 3) << 24);
    k = Math.imul(k, M);
    k ^= k >>> 24;
    k = Math.imul(k, M);
    hash = Math.imul(hash, M) ^ k;
  }
  const rest = length - whole;
  if (rest === 3) hash ^= byte(whole + 2) << 16;
  if (rest >= 2) hash ^= byte(whole + 1) << 8;
  if (rest >= 1) hash = Math.imul(hash ^ byte(whole), M);
  hash ^= hash >>> 13;
  hash = Math.imul(hash, M);
  return hash ^ (hash >>> 15);
}

/**
 * The partition, from 0 to `partitions` - 1, of a key: Java's `toPositive(murmur2(bytes)) % partitions`.
 * A string is hashed as UTF-8.
 */
export function partitionOf(key: string | Buffer, partitions: number): number {
  const bytes = typeof key === 'string' ? Buffer.from(key) : key;
  return (murmur2(bytes) & 0x7fffffff) % partitions;
}
