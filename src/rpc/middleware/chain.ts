/** Middleware put together into one function: below it is the wire, or the handler. */
import { defer, type Observable } from 'rxjs';

type Road<C> = (call: C) => Observable<unknown>;

/** The way through all of them, outermost first, to `last`; what one throws is an error of its Observable. */
export function chain<C>(
  middleware: readonly ((call: C, next: Road<C>) => Observable<unknown>)[],
  last: Road<C>,
): Road<C> {
  return middleware.reduceRight<Road<C>>((next, link) => (call) => defer(() => link(call, next)), last);
}

/** The list as it is; a TypeError names what in it is no middleware. */
export function checked<M>(middleware: readonly M[]): readonly M[] {
  if (!Array.isArray(middleware)) {
    throw new TypeError(`middleware: expected an array of functions, got ${typeof middleware}`);
  }
  const wrong = middleware.findIndex((link) => typeof link !== 'function');
  if (wrong >= 0) {
    throw new TypeError(`middleware[${wrong}]: expected a function, got ${typeof middleware[wrong]}`);
  }
  return middleware;
}
