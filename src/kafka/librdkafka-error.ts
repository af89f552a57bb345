/**
 * Turns librdkafka's errors into KafkaError. The binding loses the number of most of them (-1 and a text:
 * delivery reports, events, consume loops), so the number is found again by librdkafka's own text for it.
 */
import { errorText, type NativeError } from './librdkafka-binding.js';
import { KafkaError, type KafkaErrorReason } from './port.js';

const REASONS = new Map<number, KafkaErrorReason>([
  ...codes('unreachable', -195, -193, -192, -187, -185, -181, -166, 8, 13),
  ...codes('denied', -169, 29, 30, 31, 33, 34, 53, 58, 65),
  ...codes('no topic', -190, -188, 3, 17),
  ...codes('too large', 4, 10, 18),
  ...codes('queue full', -184),
  ...codes('fenced', -144, 82, 90, 111),
]);

export const Code = {
  assign: -175,
  revoke: -174,
  noOffset: -168,
  unsupported: -165,
  assignmentLost: -142,
  state: -172,
  fatal: -150,
  queueFull: -184,
  unknownPartition: -190,
  unknownTopic: 3,
  leaderNotAvailable: 5,
  notLeader: 6,
  illegalGeneration: 22,
  unknownMember: 25,
  rebalancing: 27,
  fencedEpoch: 110,
  staleEpoch: 113,
  topicDenied: 29,
  clusterDenied: 31,
  topicExists: 36,
  allBrokersDown: -187,
  authentication: -169,
} as const;

/** `doing` begins the message: what was tried, in words without credentials. */
export function toKafkaError(
  error: NativeError | Error | number,
  doing: string,
  details: { notSent?: boolean } = {},
): KafkaError {
  if (error instanceof KafkaError) return error;
  const code = codeOf(error);
  const text = code === undefined ? (error as Error).message : textOf(code, error);
  const reason = (code === undefined ? undefined : REASONS.get(code)) ?? 'failed';
  return new KafkaError(reason, `${doing}: ${text}`, { ...details, ...(code === undefined ? {} : { code }) });
}

/** The number of an error, found by its text where the binding lost it. */
export function codeOf(error: NativeError | Error | number): number | undefined {
  if (typeof error === 'number') return error;
  const { code } = error as NativeError;
  if (typeof code === 'number' && code !== -1) return code;
  return codesByText().get(bare(error.message));
}

/** A broker's own explanation, which CreateTopics gives, says more than the text of the number. */
function textOf(code: number, error: NativeError | Error | number): string {
  const known = errorText(code);
  if (typeof error === 'number') return known;
  return bare(error.message) === bare(known) ? known : error.message;
}

let byText: Map<string, number> | undefined;

function codesByText(): Map<string, number> {
  if (byText) return byText;
  byText = new Map();
  for (let code = 132; code >= -200; code -= 1) {
    if (code === 0 || code === -1) continue;
    const text = errorText(code);
    if (!text.startsWith('Err-')) byText.set(bare(text), code);
  }
  return byText;
}

/** As the binding's LibrdKafkaError cuts texts: without the part before the first colon, in lower case. */
function bare(text: string): string {
  return (text.split(': ')[1] ?? text).toLowerCase();
}

function codes(reason: KafkaErrorReason, ...numbers: number[]): [number, KafkaErrorReason][] {
  return numbers.map((number) => [number, reason]);
}
