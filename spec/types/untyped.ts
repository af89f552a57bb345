/** Calls and services without a contract. */
import type { Either } from 'fp-ts/lib/Either.js';
import type { TaskEither } from 'fp-ts/lib/TaskEither.js';
import type { Observable } from 'rxjs';
import type { CallError, Gathered, StreamItem, UntypedClient } from '../../src/index.js';
import type { Target } from '../../src/rpc/dispatch.js';
import { exactly } from './exactly.js';
import { connection } from './prices.js';

const client = connection.client('test');
exactly<UntypedClient>()(client);

// The caller says what comes back; unsaid, it is unknown.
exactly<Promise<unknown>>()(client.call('echo', ['hi']));
exactly<Promise<string>>()(client.call<string>('echo', ['hi']));
exactly<Promise<string>>()(client.call<string>('echo', { text: 'hi' }, { timeout: 5 }));
exactly<Observable<number>>()(client.call$<number>('count'));
exactly<Observable<StreamItem<number>>>()(client.call$<number>('count', undefined, { ack: true }));
exactly<Promise<void>>()(client.notify('log', ['hi']));
exactly<Promise<Either<CallError, unknown>[]>>()(client.batch([['echo', ['hi']], ['now']]));
exactly<Promise<Either<CallError, number>[]>>()(client.batch<number>([['now'], ['add', [1, 2]]]));
exactly<TaskEither<CallError, string>>()(client.callTaskEither<string>('echo', ['hi']));
exactly<Observable<Gathered<unknown>>>()(client.gather$('echo', ['hi']));
exactly<Observable<Gathered<string>>>()(client.gather$<string>('echo', ['hi'], { count: 2 }));

class Calculator {
  readonly #memory = 0;

  add(a: number, b: number): number {
    return a + b + this.#memory;
  }
}

// Functions, whose params then are any; an instance; a module.
declare function serve(service: string, target: Target): void;
serve('test', { echo: (text) => `RPC ${text}!` });
serve('test', { add: (a: number, b: number) => a + b, later: async () => 1 });
serve('calc', new Calculator());
serve('math', Math);
serve('path', await import('node:path'));

// @ts-expect-error: params are an array or an object
client.call('echo', 'hi');
// @ts-expect-error: a result that nobody vouched for
client.call('echo', ['hi']).then((text) => text.length);
// @ts-expect-error: the name of a service
connection.client(1);
// @ts-expect-error: nothing to serve
serve('test', 'echo');
// @ts-expect-error: an object, not one function
serve('test', undefined);
