# shellcheck shell=bash
# Kafka: one broker that is its own controller (KRaft), on the loopback address.

kafka_settings() {
    cat <<END
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@$(address controller-kafka)
controller.listener.names=CONTROLLER
listeners=PLAINTEXT://$(address kafka),CONTROLLER://$(address controller-kafka)
advertised.listeners=PLAINTEXT://$(address kafka)
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs=$DEV_DIR/kafka/data
auto.create.topics.enable=false
# One broker, so one copy of Kafka's own topics, and few partitions of them: each costs time at the start.
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
share.coordinator.state.topic.num.partitions=4
group.initial.rebalance.delay.ms=0
# After a kill the broker waits until its former self has lost its session: 11 s with the default of 9 s.
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
END
    # What a test wants otherwise, such as listeners with TLS: the last line of a name counts.
    [[ ! -f $DEV_DIR/kafka.properties ]] || cat "$DEV_DIR/kafka.properties"
}

kafka_java() {
    JAVA=java
    [[ -z ${JAVA_HOME:-} ]] || JAVA=$JAVA_HOME/bin/java
    command -v "$JAVA" >/dev/null || die "no Java: run dev/stack deps"
    [[ -f $DEPS/kafka/pins ]] || die "Kafka is not fetched yet: run dev/stack deps"
    # No files in /tmp, where a JVM otherwise keeps its counters.
    KAFKA_JAVA=("$JAVA" -XX:+UseSerialGC -XX:-UsePerfData -Xmx512m -XX:+ExitOnOutOfMemoryError
        -Djava.io.tmpdir="$DEV_DIR/kafka" # native libraries are unpacked there
        -Dlog4j2.configurationFile="$ROOT/dev/kafka/log4j2.properties" -cp "$DEPS/kafka/*")
}

# Kafka's identifiers are 16 bytes in base 64; one that begins with - would be taken for an option.
kafka_cluster_id() { printf 'M%s' "$(random_text 20 A-Za-z0-9)A"; }

kafka_format() {
    [[ ! -f $DEV_DIR/kafka/data/meta.properties ]] || return 0
    rm -rf "$DEV_DIR/kafka/data"
    "${KAFKA_JAVA[@]}" kafka.tools.StorageTool format --cluster-id "$(kafka_cluster_id)" \
        --config "$DEV_DIR/kafka/server.properties" >>"$(log_file kafka)" 2>&1 ||
        die "Kafka's folder could not be formatted: $(log_file kafka) says why"
}

kafka_start() {
    kafka_java
    mkdir -p "$DEV_DIR/kafka"
    kafka_settings >"$DEV_DIR/kafka/server.properties"
    kafka_format
    spawn kafka "${KAFKA_JAVA[@]}" kafka.Kafka "$DEV_DIR/kafka/server.properties"
}

# A Metadata request, version 1, for no topic; the answer begins with its length, our number 1, and the count of the
# brokers that are ready to serve.
KAFKA_METADATA_REQUEST='\0\0\0\016\0\003\0\001\0\0\0\001\377\377\0\0\0\0'

kafka_metadata() {
    local broker
    exec {broker}<>"/dev/tcp/127.0.0.1/${PORTS[kafka]}" || return
    # shellcheck disable=SC2059 # The format is the request.
    printf "$KAFKA_METADATA_REQUEST" >&"$broker"
    timeout 2 head -c 12 <&"$broker" | od -An -v -t x1
}

kafka_answers() {
    local answer
    answer=$(kafka_metadata 2>/dev/null) && [[ $answer == *" 00 00 00 01 00 00 00 01" ]]
}
