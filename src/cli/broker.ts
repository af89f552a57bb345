/** `callstream broker`: a Kafka for trying things out, which the other commands find by themselves. */
import type { Command } from 'commander';
import { startEmbedded } from '../index.js';
import { assertNoBroker, removeBrokerFile, writeBrokerFile } from './broker-file.js';
import { after } from './help.js';
import { Stopped, stopOnSignals, stopped } from './stop.js';

export function brokerCommand(program: Command): Command {
  return program
    .command('broker')
    .summary('run an embedded Kafka')
    .description('Run an embedded Kafka in memory until Ctrl-C, and print its address.')
    .addHelpText('after', after(['broker']))
    .action(broker);
}

async function broker(): Promise<void> {
  await assertNoBroker();
  const cluster = await startEmbedded();
  const { signal } = stopOnSignals();
  try {
    await writeBrokerFile(cluster.brokers);
    process.stdout.write(`${cluster.brokers}\n`);
    await stopped(signal);
  } catch (error) {
    if (!(error instanceof Stopped)) throw error;
  } finally {
    removeBrokerFile();
    await cluster.close();
  }
}
