/// <reference types="node" preserve="true" />
/**
 * `callstream/testing`: services tested with no broker, and in no time.
 *
 * @example
 * const clock = new VirtualClock();
 * const broker = new MemoryBroker({ clock });
 * broker.createTopic('orders', 4);
 * const kafka = broker.connect();
 * const sent = kafka.send({ topic: 'orders', partition: null, key: 'a', value: Buffer.from('1') });
 * console.log(await clock.until(sent)); // { topic: 'orders', partition: ..., offset: 0 }
 */
export type { Delay, Fault } from './faults.js';
export { MemoryBroker, type MemoryBrokerOptions, type MemoryConnectOptions } from './memory-broker.js';
export { type Random, seeded } from './random.js';
export { VirtualClock, type VirtualClockOptions } from './virtual-clock.js';
