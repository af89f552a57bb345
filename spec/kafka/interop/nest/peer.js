/** NestJS as an application uses it: a microservice with patterns, and ClientKafka. Its packages are beside its copy in .kafka/interop. */
import 'reflect-metadata';
import { createInterface } from 'node:readline';
import { Controller, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import {
  ClientKafka,
  EventPattern,
  MessagePattern,
  Payload,
  RpcException,
  Transport,
} from '@nestjs/microservices';
import { logLevel } from 'kafkajs';
import { concatMap, delay, firstValueFrom, from, lastValueFrom, of, throwError, toArray } from 'rxjs';

const { KAFKA_BROKERS, CALLED, SERVED } = process.env;
const seen = [];

/** Decorators are the plain functions that they are: there is nothing to compile. */
class Methods {
  add({ a, b }) {
    return { sum: a + b };
  }
  greet({ name }) {
    return `hello ${name}`;
  }
  echo(value) {
    return value;
  }
  fail() {
    return throwError(() => new RpcException({ code: 7, message: 'no luck' }));
  }
  some({ count }) {
    return from(Array.from({ length: count }, (_, i) => ({ i }))).pipe(
      concatMap((item) => of(item).pipe(delay(5))),
    );
  }
  note(text) {
    seen.push(text);
  }
}

const patterns = {
  add: MessagePattern,
  greet: MessagePattern,
  echo: MessagePattern,
  fail: MessagePattern,
  some: MessagePattern,
  note: EventPattern,
};
Controller()(Methods);
for (const [name, pattern] of Object.entries(patterns)) {
  pattern(`${SERVED}.${name}`)(
    Methods.prototype,
    name,
    Object.getOwnPropertyDescriptor(Methods.prototype, name),
  );
  Payload()(Methods.prototype, name, 0);
}

class Application {}
Module({ controllers: [Methods] })(Application);

const options = (groupId) => ({
  client: { brokers: KAFKA_BROKERS.split(','), logLevel: logLevel.NOTHING },
  consumer: { groupId, allowAutoTopicCreation: false },
});

const service = await NestFactory.createMicroservice(Application, {
  transport: Transport.KAFKA,
  options: { ...options(SERVED), subscribe: { fromBeginning: true } },
  logger: false,
});
await service.listen();

const client = new ClientKafka(options(`${CALLED}-client`));
for (const method of ['add', 'greet', 'echo', 'fail', 'some', 'none'])
  client.subscribeToResponseOf(`${CALLED}.${method}`);
await client.connect();

const many = async (count) => {
  const values = Array.from({ length: count }, (_, i) => `value ${i}`);
  const answers = await Promise.all(
    values.map((value) => firstValueFrom(client.send(`${CALLED}.echo`, value))),
  );
  return answers.filter((answer, i) => answer !== values[i]);
};

const perform = ({ do: what, method, params }) => {
  const pattern = `${CALLED}.${method}`;
  if (what === 'seen') return seen;
  if (what === 'many') return many(params);
  if (what === 'notify') return lastValueFrom(client.emit(pattern, params)).then(() => null);
  return lastValueFrom(client.send(pattern, params).pipe(toArray()));
};

const tell = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);
createInterface({ input: process.stdin }).on('line', async (text) => {
  const { id, ...task } = JSON.parse(text);
  try {
    tell({ id, result: await perform(task) });
  } catch (error) {
    tell({ id, error: error instanceof Error ? error.message : error });
  }
});
tell({ ready: true });
