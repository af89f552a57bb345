/** NestJS's Kafka transport, set up as its guide does: a controller with a message pattern, and ClientKafka. */
import 'reflect-metadata';
import { Controller, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ClientKafka, MessagePattern, Payload, Transport } from '@nestjs/microservices';
import { Kafka, logLevel } from 'kafkajs';
import { firstValueFrom } from 'rxjs';

const PATTERN = 'bench-nest';
const topics = [PATTERN, `${PATTERN}.reply`];

/** Decorators as the plain functions that they are: there is nothing to compile. */
class EchoController {
  echo(/** @type {unknown} */ text) {
    return text;
  }
}
const echo = /** @type {PropertyDescriptor} */ (
  Object.getOwnPropertyDescriptor(EchoController.prototype, 'echo')
);
Controller()(EchoController);
MessagePattern(PATTERN)(EchoController.prototype, 'echo', echo);
Payload()(EchoController.prototype, 'echo', 0);

class EchoModule {}
Module({ controllers: [EchoController] })(EchoModule);

const options = (/** @type {string} */ brokers, /** @type {string} */ groupId) => ({
  client: { brokers: brokers.split(','), logLevel: logLevel.NOTHING },
  consumer: { groupId },
});

async function createTopics(/** @type {string} */ brokers) {
  const admin = new Kafka({ brokers: brokers.split(','), logLevel: logLevel.NOTHING }).admin();
  await admin.connect();
  await admin.createTopics({ topics: topics.map((topic) => ({ topic, numPartitions: 4 })) });
  await admin.disconnect();
}

/** @type {import('../contender.js').Contender} */
export const contender = {
  topics,
  async serve(brokers) {
    await createTopics(brokers);
    const app = await NestFactory.createMicroservice(EchoModule, {
      transport: Transport.KAFKA,
      options: options(brokers, 'bench-nest'),
      logger: false,
    });
    await app.listen();
  },
  async connect(brokers) {
    const client = new ClientKafka(options(brokers, `bench-nest-${process.pid}`));
    client.subscribeToResponseOf(PATTERN);
    await client.connect();
    return { call: (text) => firstValueFrom(client.send(PATTERN, text)) };
  },
};
