/** The commands that call: `call`, whose name may be left out, `notify` and `batch`. */
import { isLeft } from 'fp-ts/lib/Either.js';
import { type Params, RpcError } from '../../index.js';
import { shownTime } from '../figures.js';
import { traceHint } from '../trace-hint.js';
import { UsageError } from '../usage-error.js';
import type { ShellCommand } from './command.js';
import { shownTiming } from './display.js';
import { paramsOfWords } from './params.js';
import { clientOf, type Session } from './session.js';
import { targetOf } from './target.js';
import { Told } from './told.js';
import type { Word } from './words.js';

const PARAMS = `A param is JSON, else a string; quotes are those of a shell. A lone {object} or [array] is all
params, by name or by position.`;

export const call: ShellCommand = {
  name: 'call',
  words: '[SERVICE] METHOD [PARAM…]',
  summary: 'call a method; the word `call` may be left out',
  more: `${PARAMS} Ctrl-C cancels the call, and so the handler.`,
  places: ['call'],
  async run(session, words, signal) {
    const { service, method, params } = await requestOf(session, words);
    const client = clientOf(session, service);
    const begun = performance.now();
    let items = 0;
    let first = 0;
    const show = (value: unknown) => {
      if (items === 0) first = performance.now() - begun;
      items += 1;
      session.screen.value(value);
    };
    await timed(
      session,
      service,
      signal,
      () => client.call$(method, params, { signal }).forEach(show),
      (ms) => shownTiming(items, ms, first),
    );
  },
};

export const notify: ShellCommand = {
  name: 'notify',
  words: '[SERVICE] METHOD [PARAM…]',
  summary: 'call a method without an answer',
  more: `Done when Kafka has the call. ${PARAMS}`,
  places: ['call'],
  async run(session, words, signal) {
    const { service, method, params } = await requestOf(session, words);
    const client = clientOf(session, service);
    const work = () => client.notify(method, params, { signal });
    await timed(session, undefined, signal, work, (ms) => `delivered in ${shownTime(ms)}`);
  },
};

export const batch: ShellCommand = {
  name: 'batch',
  words: '[SERVICE] METHOD [PARAM…] [; METHOD [PARAM…]]…',
  summary: 'calls of one service as one JSON-RPC batch',
  more: `Between two calls stands a ; with spaces around it. Results come in the calls' order.\n${PARAMS}`,
  places: ['call'],
  async run(session, words, signal) {
    const [head = [], ...rest] = split(words);
    const { service, method, params } = await requestOf(session, head);
    const entries = [[method, params], ...rest.map(entry)] as const;
    const client = clientOf(session, service);
    await timed(session, service, signal, async () => {
      let failure: Told | undefined;
      for (const result of await client.batch(entries, { signal })) {
        if (isLeft(result)) {
          if (!signal.aborted) session.screen.error(result.left);
          failure ??= new Told(result.left);
        } else session.screen.value(result.right);
      }
      if (failure !== undefined) throw failure;
    });
  },
};

interface Request {
  readonly service: string;
  readonly method: string;
  readonly params: Params | undefined;
}

async function requestOf(session: Session, words: readonly Word[]): Promise<Request> {
  const { service, method, params } = await targetOf(session, words);
  return { service, method, params: paramsOfWords(params) };
}

function split(words: readonly Word[]): readonly (readonly Word[])[] {
  const end = words.findIndex(({ raw }) => raw === ';');
  return end < 0 ? [words] : [words.slice(0, end), ...split(words.slice(end + 1))];
}

function entry([method, ...params]: readonly Word[]): readonly [string, Params | undefined] {
  if (method === undefined) throw new UsageError('batch: expected a METHOD on both sides of each ;');
  return [method.text, paramsOfWords(params)];
}

/** Shows how long the work took, behind what it showed itself; a service that answers is known from then on. */
async function timed(
  { connection, interop, screen, catalogue }: Session,
  service: string | undefined,
  signal: AbortSignal,
  work: () => Promise<void>,
  shown: (ms: number) => string = shownTime,
): Promise<void> {
  const begun = performance.now();
  const answered = () => service !== undefined && catalogue.add(service);
  const timing = () => shown(performance.now() - begun);
  try {
    await work();
    answered();
    screen.remark(timing());
  } catch (error) {
    if (error instanceof RpcError) answered();
    if (signal.aborted) screen.remark(`cancelled after ${timing()}`);
    else {
      if (!(error instanceof Told)) screen.error(error);
      const hint = service === undefined || interop ? undefined : traceHint(error, service, connection);
      if (hint !== undefined) screen.remark(hint);
      screen.remark(timing());
    }
    throw error instanceof Told ? error : new Told(error);
  }
}
