/// <reference types="node" preserve="true" />
/**
 * callstream: remote calls over Apache Kafka as RxJS streams.
 */

// For those who call and serve.
export type { Acknowledgeable } from './acknowledgeable.js';
// For those who build on callstream: another Kafka underneath.
export type { Clock } from './clock.js';
export { type Connection, connect, type Server } from './connection.js';
export {
  type Issue,
  type Method,
  type Methods,
  type NamesOf,
  type NotificationMethod,
  notification,
  type ParamsOf,
  type RequestMethod,
  type ResultOf,
  request,
  type Service,
  type StreamMethod,
  type Structured,
  service,
  stream,
  type Type,
} from './contract.js';
export { type Decoded, decode } from './jsonrpc/decode.js';
export { type ErrorObject, errors, RpcError, type RpcErrorOptions } from './jsonrpc/error.js';
export type { Id, Params } from './jsonrpc/message.js';
export { type EmbeddedCluster, startEmbedded } from './kafka/embedded.js';
export type {
  Assignor,
  Consumer,
  ConsumerHandlers,
  ConsumerRecord,
  DeliveryObserver,
  DeliveryReport,
  GroupHandlers,
  GroupMember,
  GroupOptions,
  GroupProtocol,
  Headers,
  Isolation,
  Kafka,
  ProducerRecord,
  ReadingOptions,
  TopicPartition,
  TopicPartitionOffset,
  TopicSpec,
  TransactionalOptions,
  TransactionalProducer,
} from './kafka/port.js';
export { header, KafkaError, type KafkaErrorReason, type KafkaStatus } from './kafka/port.js';
export type {
  CreateTopicOptions,
  KeyOf,
  PartitionPosition,
  Topic,
  TopicFormat,
  TopicReader,
  Topics,
  ValueOf,
} from './kafka/topic-api.js';
export type { CodecName } from './kafka/topic-codec.js';
export type { DeadLetters } from './kafka/topic-dead-letter.js';
export { InvalidRecordError, type TopicEvent } from './kafka/topic-events.js';
export type { Offsets, OffsetsByTopic, ReadOptions } from './kafka/topic-options.js';
export type { TopicRecord } from './kafka/topic-record.js';
export type { PublishOptions, SinkInputOptions, SinkOptions } from './kafka/topic-sink.js';
export { type CallBatchOptions, callBatch } from './operators/call-batch.js';
export { type CallEachOptions, callEach } from './operators/call-each.js';
export type { EachOptions, ToParams } from './operators/calls.js';
export type { Called } from './operators/in-flight.js';
export { type NotifyEachOptions, notifyEach } from './operators/notify-each.js';
export {
  type OnProcessError,
  type ProcessItemOptions,
  type ProcessOptions,
  type ProcessOptionsOf,
  type ProcessRetry,
  processEach,
} from './operators/process-each.js';
export { transact } from './operators/transact.js';
export type { Output, OutputWork } from './operators/transact-attempt.js';
export type { OnTransactError, Transaction, TransactOptions } from './operators/transact-options.js';
export type { Work } from './operators/work.js';
export type { CloseOptions, ConnectOptions, MethodOptions, ServeOptions, TopicOptions } from './options.js';
export type { ServerStats } from './rpc/call-host.js';
export type { AckedCallOptions, CallOptions } from './rpc/call-options.js';
export type {
  AckedArgs,
  Args,
  BatchEntry,
  BatchResults,
  Client,
  ClientOptions,
  Sent,
  UntypedClient,
} from './rpc/client-api.js';
export type {
  CallOptionsOf,
  ClientInterop,
  DialectName,
  ServeInterop,
  ServeOptionsOf,
} from './rpc/dialects/table.js';
export { type Discovery, discovery, type ServerStatistics } from './rpc/discovery/discovery.js';
export type { JsonSchema } from './rpc/discovery/json-schema.js';
export {
  type ContentDescriptor,
  type OpenRpcDocument,
  type OpenRpcMethod,
  openrpc,
} from './rpc/discovery/openrpc.js';
export type { Answer, CallContext, Handlers, Target } from './rpc/dispatch.js';
export {
  type CallError,
  FailedError,
  type LocalReason,
  NotSentError,
  UnknownError,
} from './rpc/error.js';
export type { Gathered, GatherOptions } from './rpc/gather-options.js';
export type { HedgeOptions } from './rpc/hedge-options.js';
export type { AnyMiddleware } from './rpc/middleware/call-end.js';
export type { CallProgress, ClientCall, ClientMiddleware } from './rpc/middleware/client-middleware.js';
export { type Logger, logging, type Write } from './rpc/middleware/logging.js';
export {
  type ConnectionStats,
  type MetricsOptions,
  metrics,
  type Observed,
} from './rpc/middleware/metrics.js';
export { only, withHedging, withRetry, withTimeout } from './rpc/middleware/policies.js';
export type { ServerCall, ServerMiddleware } from './rpc/middleware/server-middleware.js';
export type { RetryOptions } from './rpc/retry.js';
export type { ServerIssue } from './rpc/server-settings.js';
export type {
  CallStore,
  Claim,
  KeyedCall,
  OpenStore,
  StoreContext,
  StoredAnswer,
} from './rpc/store/call-store.js';
export { type TopicStoreOptions, topicStore } from './rpc/store/topic-store.js';
export type { StreamItem } from './rpc/stream-item.js';
