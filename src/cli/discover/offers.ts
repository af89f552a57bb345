/** What the instances of a service say that they offer, by document: during a deployment there are two. Used by discover. */
import { isLeft } from 'fp-ts/lib/Either.js';
import type { Gathered } from '../../index.js';
import { type Document, documentOf } from '../repl/openrpc.js';
import { type Change, changes } from './changes.js';

/** A document, and the instances that answered with it. */
export interface Offer {
  readonly document: Document;
  readonly instances: readonly string[];
}

/** An instance that answered with no document. */
export interface Failure {
  readonly instance: string;
  readonly why: string;
  /** Where it answered with an error. */
  readonly error?: Error;
}

/** In the order of the answers. */
export function offersOf(answers: readonly Gathered<unknown>[]): [readonly Offer[], readonly Failure[]] {
  const offers = new Map<string, Offer>();
  const failures: Failure[] = [];
  for (const { instance, result } of answers) {
    if (isLeft(result)) {
      failures.push({ instance, why: result.left.message, error: result.left });
      continue;
    }
    const read = documentOf(result.right);
    if (isLeft(read)) {
      failures.push({ instance, why: read.left });
      continue;
    }
    const text = JSON.stringify(read.right);
    const known = offers.get(text);
    offers.set(text, { document: read.right, instances: [...(known?.instances ?? []), instance] });
  }
  return [[...offers.values()], failures];
}

/** A change, and where not all instances have made it, those that have. */
export type OfferChange = Change & { readonly instances?: readonly string[] };

export function offerChanges(before: Document, offers: readonly Offer[]): readonly OfferChange[] {
  const found = new Map<string, { change: Change; made: readonly Offer[] }>();
  for (const offer of offers)
    for (const change of changes(before, offer.document)) {
      const key = JSON.stringify(change);
      found.set(key, { change, made: [...(found.get(key)?.made ?? []), offer] });
    }
  return [...found.values()].map(({ change, made }) =>
    made.length === offers.length
      ? change
      : { ...change, instances: made.flatMap(({ instances }) => instances) },
  );
}
