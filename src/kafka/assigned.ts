/**
 * What a member of a group may commit. Kafka looks at its generation alone, so that one whose hand-over has ended could
 * take another's partition back. Both implementations of the port ask here.
 */
import { among } from './partition-map.js';
import { KafkaError, type TopicPartition, type TopicPartitionOffset } from './port.js';

/** Throws for the first that is not. */
export function requireAssigned(
  assigned: readonly TopicPartition[],
  offsets: readonly TopicPartitionOffset[],
): void {
  const isAssigned = among(assigned);
  const foreign = offsets.find((at) => !isAssigned(at));
  if (foreign === undefined) return;
  const { topic, partition } = foreign;
  throw new KafkaError('failed', `Committing offsets: ${topic}/${partition} is not assigned`);
}
