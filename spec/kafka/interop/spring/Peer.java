import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;
import org.springframework.context.annotation.AnnotationConfigApplicationContext;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.kafka.KafkaException;
import org.springframework.kafka.annotation.EnableKafka;
import org.springframework.kafka.annotation.KafkaListener;
import org.springframework.kafka.config.ConcurrentKafkaListenerContainerFactory;
import org.springframework.kafka.config.KafkaListenerEndpointRegistry;
import org.springframework.kafka.core.DefaultKafkaConsumerFactory;
import org.springframework.kafka.core.DefaultKafkaProducerFactory;
import org.springframework.kafka.core.KafkaTemplate;
import org.springframework.kafka.listener.ContainerProperties;
import org.springframework.kafka.listener.KafkaListenerErrorHandler;
import org.springframework.kafka.listener.KafkaMessageListenerContainer;
import org.springframework.kafka.requestreply.ReplyingKafkaTemplate;
import org.springframework.kafka.support.KafkaHeaders;
import org.springframework.kafka.support.TopicPartitionOffset;
import org.springframework.messaging.handler.annotation.SendTo;
import org.springframework.messaging.support.MessageBuilder;
import tools.jackson.databind.json.JsonMapper;

/** Spring Kafka as an application uses it: a listener that replies, and a template that waits for replies. */
@Configuration
@EnableKafka
public class Peer {
  static final JsonMapper JSON = new JsonMapper();
  static final String SERVERS = System.getenv("KAFKA_BROKERS");
  /** Callstream's topics: CALLED.METHOD for requests, REPLIES for the answers. */
  static final String CALLED = System.getenv("CALLED");
  static final String REPLIES = System.getenv("REPLIES");
  static final List<String> seen = new CopyOnWriteArrayList<>();

  @Bean
  DefaultKafkaProducerFactory<String, String> producers() {
    return new DefaultKafkaProducerFactory<>(
        Map.of("bootstrap.servers", SERVERS), new StringSerializer(), new StringSerializer());
  }

  @Bean
  DefaultKafkaConsumerFactory<String, String> consumers() {
    return new DefaultKafkaConsumerFactory<>(
        Map.of("bootstrap.servers", SERVERS, "auto.offset.reset", "earliest"),
        new StringDeserializer(),
        new StringDeserializer());
  }

  @Bean
  KafkaTemplate<String, String> template() {
    return new KafkaTemplate<>(producers());
  }

  @Bean
  ConcurrentKafkaListenerContainerFactory<String, String> kafkaListenerContainerFactory() {
    var factory = new ConcurrentKafkaListenerContainerFactory<String, String>();
    factory.setConsumerFactory(consumers());
    factory.setReplyTemplate(template());
    return factory;
  }

  /** One partition of its own: the template names it in kafka_replyPartition, as four bytes. */
  @Bean
  ReplyingKafkaTemplate<String, String, String> replying() {
    var properties = new ContainerProperties(new TopicPartitionOffset(REPLIES, 1));
    var container = new KafkaMessageListenerContainer<>(consumers(), properties);
    var replying = new ReplyingKafkaTemplate<>(producers(), container);
    replying.setBinaryCorrelation(false);
    replying.setDefaultReplyTimeout(Duration.ofSeconds(20));
    replying.setReplyErrorChecker(record -> {
      Header error = record.headers().lastHeader("callstream-error");
      return error == null ? null : new KafkaException(new String(error.value(), StandardCharsets.UTF_8));
    });
    return replying;
  }

  /** What a listener throws reaches the caller only where somebody puts it into the reply. */
  @Bean
  KafkaListenerErrorHandler replyWithError() {
    return (message, exception) -> {
      Throwable cause = exception.getCause();
      return MessageBuilder.withPayload("null")
          .setHeader("callstream-error", String.valueOf(cause.getMessage()).getBytes(StandardCharsets.UTF_8))
          .build();
    };
  }

  @KafkaListener(topics = "${served}", groupId = "${served}", errorHandler = "replyWithError")
  @SendTo
  String serve(
      String body, @org.springframework.messaging.handler.annotation.Header("callstream-method") String method) {
    var json = JSON.readTree(body);
    return switch (method) {
      case "add" -> String.valueOf(json.get(0).asInt() + json.get(1).asInt());
      case "greet" -> JSON.writeValueAsString("hello " + json.get("name").asString());
      case "echo" -> body;
      case "note" -> {
        seen.add(json.asString());
        yield null;
      }
      case "fail" -> throw new IllegalStateException("{\"code\":7,\"message\":\"no luck\"}");
      default -> throw new IllegalStateException("no method " + method);
    };
  }

  static String body(Object params) {
    return params instanceof String text ? text : JSON.writeValueAsString(params);
  }

  static Object parsed(String text) {
    try {
      return JSON.readValue(text, Object.class);
    } catch (RuntimeException notJson) {
      return text;
    }
  }

  static Object many(ReplyingKafkaTemplate<String, String, String> replying, int count) throws Exception {
    var futures = new ArrayList<java.util.concurrent.Future<org.apache.kafka.clients.consumer.ConsumerRecord<String, String>>>();
    for (int i = 0; i < count; i += 1) {
      futures.add(replying.sendAndReceive(new ProducerRecord<>(CALLED + ".echo", "value " + i)));
    }
    var wrong = new ArrayList<String>();
    for (int i = 0; i < count; i += 1) {
      var value = futures.get(i).get(30, TimeUnit.SECONDS).value();
      if (!value.equals("value " + i)) wrong.add(value);
    }
    return wrong;
  }

  @SuppressWarnings("unchecked")
  static Object perform(AnnotationConfigApplicationContext context, Map<String, Object> task) throws Exception {
    var replying = (ReplyingKafkaTemplate<String, String, String>) context.getBean("replying");
    var template = (KafkaTemplate<String, String>) context.getBean("template");
    var topic = CALLED + "." + task.get("method");
    var body = body(task.get("params"));
    switch ((String) task.get("do")) {
      case "seen":
        return seen;
      case "many":
        return many(replying, (Integer) task.get("params"));
      case "notify":
        template.send(topic, body).get();
        return null;
      case "binary":
        var record = new ProducerRecord<String, String>(topic, body);
        record.headers().add(KafkaHeaders.REPLY_TOPIC, REPLIES.getBytes(StandardCharsets.UTF_8));
        record.headers().add(KafkaHeaders.CORRELATION_ID, new byte[] {0, 1, 2, (byte) 200});
        template.send(record).get();
        return null;
      default:
        return parsed(replying.sendAndReceive(new ProducerRecord<>(topic, body)).get(20, TimeUnit.SECONDS).value());
    }
  }

  static void tell(Map<String, Object> line) {
    System.out.println(JSON.writeValueAsString(line));
  }

  public static void main(String[] args) throws Exception {
    System.setProperty("served", System.getenv("SERVED"));
    var context = new AnnotationConfigApplicationContext(Peer.class);
    var replying = context.getBean("replying", ReplyingKafkaTemplate.class);
    replying.waitForAssignment(Duration.ofSeconds(20));
    for (var container : context.getBean(KafkaListenerEndpointRegistry.class).getListenerContainers()) {
      while (container.getAssignedPartitions() == null || container.getAssignedPartitions().isEmpty()) Thread.sleep(50);
    }
    tell(Map.of("ready", true));
    var lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    for (String line = lines.readLine(); line != null; line = lines.readLine()) {
      Map<String, Object> task = JSON.readValue(line, Map.class);
      try {
        var result = perform(context, task);
        tell(result == null ? Map.of("id", task.get("id")) : Map.of("id", task.get("id"), "result", result));
      } catch (ExecutionException failed) {
        tell(Map.of("id", task.get("id"), "error", parsed(String.valueOf(failed.getCause().getMessage()))));
      }
    }
    System.exit(0);
  }
}
