/**
 * From a decoded value to a message, or to the answer it deserves (JSON-RPC 2.0, sections 4 and 5).
 *
 * Below: message.ts. Above: the envelope decodes a record's value and maps this over the entries of a batch.
 * Runs once for every message received, so the good path reads members and copies nothing.
 */
import { type Either, left, right } from 'fp-ts/lib/Either.js';
import { type ErrorObject, errors } from './error.js';
import { type Failure, failure, type Id, type Message, type Params } from './message.js';

type Members = Readonly<
  Partial<Record<'jsonrpc' | 'id' | 'method' | 'params' | 'result' | 'error', unknown>>
>;

/** Whether `value` is an id that can be echoed exactly: no NaN, no Infinity, no integer beyond 2^53. */
export const isId = (value: unknown): value is Id =>
  typeof value === 'string' ||
  value === null ||
  (typeof value === 'number' &&
    (Number.isSafeInteger(value) || (Number.isFinite(value) && !Number.isInteger(value))));

/** Bytes and timestamps, which MessagePack has besides arrays and maps, are no params. */
const isParams = (value: unknown): value is Params => {
  if (typeof value !== 'object' || value === null) return false;
  if (Array.isArray(value)) return true;
  const prototype = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
};

const isMembers = (value: unknown): value is Members =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The answer to what is no request: "Invalid Request", with the reason as its data. */
export const invalidRequest = (id: Id, reason: string): Failure =>
  failure(id, { ...errors.invalidRequest, data: reason });

/** The answer to a batch without entries (section 6): one Response, not an array. */
export const emptyBatch = (): Failure => invalidRequest(null, 'a batch must have at least one entry');

/** A Response's error that a lenient peer wrote, made one that the specification allows. */
const errorObject = (error: Members & Partial<ErrorObject>): ErrorObject => {
  const code = Number.isSafeInteger(error.code) ? (error.code as number) : errors.internalError.code;
  const message = typeof error.message === 'string' ? error.message : '';
  return error.data === undefined ? { code, message } : { code, message, data: error.data };
};

const validateResponse = (value: Members): Either<Failure, Message> => {
  const { id, error } = value;
  const failed = Object.hasOwn(value, 'error');
  if (failed === Object.hasOwn(value, 'result')) {
    const both = 'a response must have a result or an error, not both';
    return left(invalidRequest((id ?? null) as Id, failed ? both : 'a request must have a method'));
  }
  if (id === undefined) return left(invalidRequest(null, 'a response must have an id'));
  if (!failed) return right(value as Message);
  if (!isMembers(error)) return left(invalidRequest(id as Id, 'an error must be an object'));
  const { code, message } = error as Partial<ErrorObject>;
  if (Number.isSafeInteger(code) && typeof message === 'string') return right(value as unknown as Message);
  return right(failure(id as Id, errorObject(error)));
};

/**
 * Sorts one decoded message, or one entry of a batch.
 *
 * Right is the value itself. Left is the answer to it: "Invalid Request" with the value's id where it has one
 * that can be echoed, else `null`. A malformed response is Left with its id, so that a client can end the
 * call.
 *
 * - What has a `method` is a call if it has an `id`, `null` included, else a notification.
 * - What has no `method` but a `result` or an `error` is a response. An error whose code is not an integer
 *   gets -32603, one without a message `''`: the only case in which Right is a copy.
 * - Members the specification doesn't know are ignored. An array is no entry: the caller takes a batch apart.
 */
export const validate = (value: unknown): Either<Failure, Message> => {
  if (!isMembers(value)) return left(invalidRequest(null, 'a message must be an object'));
  const id = value.id;
  if (id !== undefined && !isId(id)) {
    return left(invalidRequest(null, 'id must be a string, null, a fraction or an integer within 2^53'));
  }
  if (value.jsonrpc !== '2.0') return left(invalidRequest(id ?? null, 'jsonrpc must be "2.0"'));
  if (!Object.hasOwn(value, 'method')) return validateResponse(value);
  if (typeof value.method !== 'string') return left(invalidRequest(id ?? null, 'method must be a string'));
  const params = value.params;
  if (params !== undefined && !isParams(params)) {
    return left(invalidRequest(id ?? null, 'params must be an array or an object'));
  }
  return right(value as Message);
};
