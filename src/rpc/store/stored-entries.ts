/**
 * A server's handlers behind a store: a call with an idempotency key runs where this server has claimed it,
 * else it gets the answer that is kept. Above: middleware. Below: the handlers.
 */
import { type Either, isLeft, right } from 'fp-ts/lib/Either.js';
import { fromEvent, isObservable, lastValueFrom, takeUntil } from 'rxjs';
import { errors, RpcError } from '../../jsonrpc/error.js';
import { textOf } from '../../shown.js';
import type { CallContext, Entry } from '../dispatch.js';
import { type Items, iterate } from '../iterate.js';
import type { ServerIssue } from '../server-settings.js';
import type { Claim, OpenStore, StoredAnswer } from './call-store.js';

/** Streams are not kept: they have one client, and end with their server. */
export function storedEntries(
  entries: Map<string, Entry>,
  store: OpenStore | undefined,
  onIssue: (issue: ServerIssue) => void,
): Map<string, Entry> {
  if (store === undefined) return entries;
  return new Map(
    [...entries].map(([method, entry]) => [
      method,
      entry.kind === 'stream' ? entry : stored(method, entry, store, onIssue),
    ]),
  );
}

/** A server closes also where its store can't. */
export async function closeStore(
  store: OpenStore | undefined,
  onIssue: (issue: ServerIssue) => void,
): Promise<void> {
  try {
    await store?.close();
  } catch (cause) {
    onIssue({ kind: 'kafka', message: `the store was not closed: ${textOf(cause)}`, cause });
  }
}

function stored(
  method: string,
  entry: Entry,
  store: OpenStore,
  onIssue: (issue: ServerIssue) => void,
): Entry {
  const keep = async (claim: Claim, answer: StoredAnswer['answer']) => {
    try {
      await claim.finish(answer);
    } catch (cause) {
      // It ran, and its caller shall know what came of it; whoever asks again hears that it may have run.
      onIssue({ kind: 'kafka', message: `the answer to ${method} was not kept: ${textOf(cause)}`, cause });
    }
  };
  const release = (claim: Claim) => claim.release().catch(() => {});

  const run = async (claim: Claim, invoke: () => Either<RpcError, unknown>, signal: AbortSignal) => {
    let invoked: Either<RpcError, unknown> | undefined;
    try {
      invoked = invoke();
      if (isLeft(invoked)) throw invoked.left;
      const given = await invoked.right;
      if (isItems(given) && entry.kind === undefined) {
        await release(claim);
        return given;
      }
      const value = isItems(given) ? await lastOf(given, signal) : given;
      const encoded = entry.answer(value);
      await keep(claim, isLeft(encoded) ? { error: encoded.left.toObject() } : { result: encoded.right });
      return value;
    } catch (error) {
      const told = RpcError.from(signal.aborted ? signal.reason : error);
      // Params that are wrong: it has not run.
      if (told.retryable || (invoked !== undefined && isLeft(invoked))) await release(claim);
      else await keep(claim, { error: told.toObject() });
      throw error;
    }
  };

  const once = async (key: string, context: CallContext, invoke: () => Either<RpcError, unknown>) => {
    const { signal } = context;
    let claimed: Claim | StoredAnswer;
    try {
      claimed = await store.claim({ method, key, signal });
    } catch (cause) {
      if (RpcError.is(cause)) throw cause;
      const data = 'the store of answers can not be asked whether it has run';
      throw new RpcError(errors.overloaded.code, undefined, { data, cause });
    }
    if (claimed.answer !== undefined) return recalled(entry, claimed.answer);
    if (!signal.aborted) return run(claimed, invoke, signal);
    await release(claimed);
    throw signal.reason;
  };

  return {
    ...entry,
    invoke(params, context) {
      const { idempotencyKey } = context;
      const invoke = () => entry.invoke(params, context);
      return idempotencyKey === undefined ? invoke() : right(once(idempotencyKey, context, invoke));
    },
  };
}

/** What the handler would give. */
function recalled(entry: Entry, { error, result }: StoredAnswer['answer']): unknown {
  if (error !== undefined) throw RpcError.of(error);
  const value = entry.recall(result);
  if (isLeft(value)) throw value.left;
  return value.right;
}

function isItems(value: unknown): value is Items {
  return (
    isObservable(value) || (typeof value === 'object' && value !== null && Symbol.asyncIterator in value)
  );
}

async function lastOf(items: Items, signal: AbortSignal): Promise<unknown> {
  const source = iterate(items).pipe(takeUntil(fromEvent(signal, 'abort')));
  const last = await lastValueFrom(source, { defaultValue: undefined });
  if (signal.aborted) throw signal.reason;
  return last;
}
