// What somebody without the rights is told: a Kafka of its own, with users, passwords and ACLs.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { expect } from 'chai';
import { lastValueFrom } from 'rxjs';
import { type Connection, connect, type ReadOptions } from '../../src/index.js';
import { type KafkaCluster, startKafka } from './broker/broker.js';
import { describeOnKafka } from './brokers.js';
import { rejection } from './port-support.js';

const ACLS = 'org.apache.kafka.tools.AclCommand';
const PASSWORD = 'open-sesame';
const users = ['admin', 'reader'].map((user) => `user_${user}="${PASSWORD}"`).join(' ');
const login = `org.apache.kafka.common.security.plain.PlainLoginModule required username="admin" password="${PASSWORD}"`;

/** Clients log in; the controller's own listener knows nobody by name. */
const properties = {
  'listener.security.protocol.map': 'PLAINTEXT:SASL_PLAINTEXT,CONTROLLER:PLAINTEXT',
  'sasl.enabled.mechanisms': 'PLAIN',
  'sasl.mechanism.inter.broker.protocol': 'PLAIN',
  'listener.name.plaintext.plain.sasl.jaas.config': `${login} ${users};`,
  'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
  'super.users': 'User:admin;User:ANONYMOUS',
  'allow.everyone.if.no.acl.found': true,
};

const client = (user: string, password = PASSWORD) => ({
  'security.protocol': 'SASL_PLAINTEXT',
  'sasl.mechanism': 'PLAIN',
  'sasl.username': user,
  'sasl.password': password,
});

describeOnKafka('a user without the rights, on a real Kafka', () => {
  let cluster: KafkaCluster;
  let admin: Connection;
  let reader: Connection;

  const open = (user: string, password?: string) =>
    connect({ brokers: cluster.bootstrap, librdkafka: client(user, password), onIssue: () => {} });

  before(async () => {
    cluster = await startKafka({ properties });
    admin = await open('admin');
    for (const name of ['open', 'shown', 'hidden']) await admin.topic(name).create({ partitions: 1 });
    await allow('reader', 'Describe', '--topic', 'shown');
    await allow('admin', 'Read', '--topic', 'hidden', '--group', 'closed');
    reader = await open('reader');
  });

  after(async () => {
    await Promise.all([reader?.close(), admin?.close()]);
    await cluster?.stop();
  });

  /** From the first of them on, nobody else may use the resource. */
  async function allow(user: string, operation: string, ...resource: string[]): Promise<void> {
    const folder = mkdtempSync(join(tmpdir(), 'callstream-acl-'));
    const config = join(folder, 'client.properties');
    const lines = { ...client('admin'), 'sasl.jaas.config': `${login};` };
    writeFileSync(
      config,
      Object.entries(lines)
        .map((entry) => `${entry.join('=')}\n`)
        .join(''),
    );
    const rule = ['--add', '--allow-principal', `User:${user}`, '--operation', operation, ...resource];
    await cluster.tool(ACLS, '--command-config', config, ...rule);
    rmSync(folder, { recursive: true });
  }

  const read = (topic: string, options?: ReadOptions) =>
    rejection(lastValueFrom(reader.topic(topic).records$(options)));
  const keepsSecrets = (error: unknown) => expect(inspect(error)).not.include(PASSWORD);

  it('should be told which topic may not be read, with a group and without', async () => {
    for (const options of [{}, { group: 'billing' }]) {
      const error = await read('shown', options);
      expect(error).include({ reason: 'denied' });
      expect(error.message).include('shown');
      keepsSecrets(error);
    }
  });

  it('should not be told of a topic that it may not see', async () => {
    const error = await read('hidden');
    expect(error).include({
      reason: 'no topic',
      message: 'There is no topic hidden, or no right to see it',
    });
    keepsSecrets(error);
  });

  it('should be told which group it may not join', async () => {
    const error = await read('open', { group: 'closed' });
    expect(error).include({ reason: 'denied' });
    expect(error.message).include('closed');
    keepsSecrets(error);
  });

  it('should be refused a record where it may not write', async () => {
    const error = await rejection(reader.topic('shown').publish(1));
    expect(error).include({ reason: 'denied' });
    keepsSecrets(error);
  });

  it('should be refused with a wrong password, which is not repeated', async () => {
    const error = await rejection(open('reader', 'open-barley'));
    expect(error).include({ reason: 'denied' });
    keepsSecrets(error);
    expect(inspect(error)).not.include('open-barley');
  });

  it('should read and write what nobody has closed', async () => {
    const topic = reader.topic('open');
    await topic.publish('here');
    const options: ReadOptions = { group: 'billing', to: 'now', autoAck: true };
    expect((await lastValueFrom(topic.records$(options))).value).equal('here');
  });
});
