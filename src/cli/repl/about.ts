/** The commands that ask and set: `use`, `services`, `methods`, `timeout`, `exit`. */
import { counted } from '../figures.js';
import { Stopped } from '../stop.js';
import { UsageError } from '../usage-error.js';
import type { ShellCommand } from './command.js';
import { clientOf } from './session.js';
import { signature } from './signature.js';
import type { Word } from './words.js';

/** Milliseconds for which `methods` waits, as `callstream discover` does. */
const ANSWER = 3_000;

export const use: ShellCommand = {
  name: 'use',
  words: '[SERVICE]',
  summary: 'leave the service out of what follows; without a name, no longer',
  places: ['service'],
  async run(session, words) {
    const service = atMostOne(words, 'use [SERVICE]');
    if (service !== undefined) clientOf(session, service);
    session.service = service;
    if (service === undefined) return;
    const methods = await session.catalogue.describe(service);
    if (methods === undefined) session.screen.remark(`${service} doesn't say what it offers`);
    else session.screen.remark(`${counted(methods.size, 'method')}; \`methods\` lists what it offers`);
  },
};

export const services: ShellCommand = {
  name: 'services',
  words: '',
  summary: 'list the services: those with a topic NAME.requests, and those used here',
  places: [],
  async run({ catalogue, servers, screen }, words) {
    if (words.length > 0) throw new UsageError('expected services');
    const known = await catalogue.list();
    for (const name of known) screen.text(servers.has(name) ? `${name}  (served here)` : name);
    if (known.length === 0) screen.remark('none yet: `serve MODULE`, or `use SERVICE`');
  },
};

export const methods: ShellCommand = {
  name: 'methods',
  words: '[SERVICE]',
  summary: "list a service's methods, with their params and results",
  places: ['service'],
  async run(session, words) {
    const service = atMostOne(words, 'methods [SERVICE]') ?? session.service;
    if (service === undefined) throw new UsageError('expected methods SERVICE, or `use SERVICE` first');
    clientOf(session, service);
    session.catalogue.forget(service);
    const found = await session.catalogue.describe(service, ANSWER);
    if (found === undefined) {
      throw new UsageError(`${service}: no answer to rpc.discover: is it running, and callstream?`);
    }
    for (const method of found.values()) session.screen.text(signature(method));
  },
};

export const timeout: ShellCommand = {
  name: 'timeout',
  words: '[MS]',
  summary: 'milliseconds until a call ends without an answer; shows them without a number',
  places: [],
  run(session, words) {
    const text = atMostOne(words, 'timeout [MS]');
    if (text === undefined) {
      session.screen.text(session.timeout === undefined ? '10000 (the default)' : String(session.timeout));
      return;
    }
    const ms = Number(text);
    if (!/^\d+$/.test(text) || ms < 1 || ms > 2_147_483_647) {
      throw new UsageError(`timeout: expected an integer from 1, got ${text}`);
    }
    session.timeout = ms;
  },
};

export const exit: ShellCommand = {
  name: 'exit',
  words: '',
  summary: 'leave; so do Ctrl-D, and Ctrl-C where nothing is typed',
  places: [],
  run() {
    throw new Stopped(0);
  },
};

function atMostOne(words: readonly Word[], usage: string): string | undefined {
  if (words.length > 1) throw new UsageError(`expected ${usage}`);
  return words[0]?.text;
}
