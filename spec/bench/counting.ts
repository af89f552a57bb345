/** Counts what a connection asks of Kafka and of the clock, and what goes through the codecs. */
import * as t from 'io-ts';
import type { GroupHandlers, GroupMember, GroupOptions, Kafka } from '../../src/index.js';
import { codecs } from '../../src/jsonrpc/codec.js';
import type { Message } from '../../src/jsonrpc/message.js';

export interface Operations {
  /** Records handed to the producer. */
  produced: number;
  /** Timers armed. */
  timers: number;
  /** Times that work was put off to the end of a turn. */
  soons: number;
  commits: number;
}

/** The same Kafka, with its operations counted. */
export function counted(kafka: Kafka): { readonly kafka: Kafka; readonly operations: Operations } {
  const operations: Operations = { produced: 0, timers: 0, soons: 0, commits: 0 };
  const { clock } = kafka;
  const subscribe = async (options: GroupOptions, handlers: GroupHandlers): Promise<GroupMember> => {
    const consumer = await kafka.subscribe(options, handlers);
    return {
      pause: () => consumer.pause(),
      resubscribe: (topics, begin) => consumer.resubscribe(topics, begin),
      resume: () => consumer.resume(),
      close: () => consumer.close(),
      commit: (offsets) => {
        operations.commits += 1;
        return consumer.commit(offsets);
      },
    };
  };
  const instead: Partial<Kafka> = {
    clock: {
      now: () => clock.now(),
      after: (ms, work) => {
        operations.timers += 1;
        return clock.after(ms, work);
      },
      soon: (work) => {
        operations.soons += 1;
        clock.soon(work);
      },
    },
    send: (record) => {
      operations.produced += 1;
      return kafka.send(record);
    },
    produce: (record, observer, token) => {
      operations.produced += 1;
      return kafka.produce(record, observer, token);
    },
    subscribe,
  };
  return {
    operations,
    kafka: new Proxy(kafka, {
      get: (target, key) => {
        const value = Reflect.get(key in instead ? instead : target, key);
        return typeof value === 'function' ? value.bind(target) : value;
      },
    }),
  };
}

export interface Passes {
  encoded: number;
  decoded: number;
}

/** Counts the passes of the JSON codec over whole records, until `stop`. */
export function countPasses(): { readonly passes: Passes; stop(): void } {
  const { json } = codecs;
  const { encodeMessages, decode } = json;
  const passes: Passes = { encoded: 0, decoded: 0 };
  Object.assign(json, {
    encodeMessages: (messages: readonly Message[]) => {
      passes.encoded += 1;
      return encodeMessages(messages);
    },
    decode: (bytes: Uint8Array) => {
      passes.decoded += 1;
      return decode(bytes);
    },
  });
  return { passes, stop: () => void Object.assign(json, { encodeMessages, decode }) };
}

export interface Checks {
  is: number;
  validated: number;
}

/** io-ts's own string, which counts how often it is looked at. */
export function watchedString(): { readonly type: t.StringC; readonly checks: Checks } {
  const checks: Checks = { is: 0, validated: 0 };
  const type: t.StringC = new t.StringType();
  const { is, validate } = type;
  Object.assign(type, {
    is: (value: unknown) => {
      checks.is += 1;
      return is(value);
    },
    validate: (value: unknown, context: t.Context) => {
      checks.validated += 1;
      return validate(value, context);
    },
  });
  return { type, checks };
}
