-- Who was first: an event is (tenant, environment, customer, id), and the copy with the lowest offset is the
-- event. Each statement can be repeated.

-- When the row came in, by ClickHouse's clock; for people who look for an event. Rows from before are 1970.
ALTER TABLE events ADD COLUMN IF NOT EXISTS
    stored_at DateTime64(3, 'UTC') DEFAULT toDateTime64(0, 3, 'UTC') CODEC(Delta, ZSTD(1)) AFTER ingested_at;
ALTER TABLE events MATERIALIZE COLUMN stored_at SETTINGS mutations_sync = 2;
ALTER TABLE events MODIFY COLUMN stored_at DEFAULT now64(3);

-- The ids of stored events, to find out before an insert whether an event is new. One row for each row of
-- `events`, kept for as long as resends are recognised: longer with
--     ALTER TABLE event_ids MODIFY TTL ingested_at + INTERVAL 90 DAY
CREATE TABLE IF NOT EXISTS event_ids
(
    identity             UInt64, -- XXH3 of tenant, environment, customer and id: proved on `events`
    timestamp            DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)), -- leads to the row in `events`
    ingested_at          DateTime('UTC') CODEC(Delta, ZSTD(1)),
    -- For so many partitions the record's key leads to the partition it came from; 0 when it does not lead
    -- there at all. When the topic has grown, the ids of other counts concern every partition.
    key_partitions       UInt32 CODEC(ZSTD(1)),

    source_epoch         UInt32 CODEC(ZSTD(1)),
    kafka_partition      UInt32 CODEC(ZSTD(1)),
    kafka_offset         UInt64 CODEC(Delta, ZSTD(1))
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(ingested_at)
PRIMARY KEY identity
ORDER BY (identity, source_epoch, kafka_partition, kafka_offset)
TTL ingested_at + INTERVAL 35 DAY
-- Single ids are asked for: small granules read less beside them. Whole months go, so rows live for 35 to 65
-- days. No window for tokens: rows that are written twice have one key and become one.
SETTINGS index_granularity = 256, ttl_only_drop_parts = 1;

-- What became of the records that are no row of `events`: for the lookup of an event and for the books, in
-- which accepted = stored + the rows here.
CREATE TABLE IF NOT EXISTS event_outcomes
(
    -- As far as they could be read; empty otherwise.
    tenant_id            LowCardinality(String),
    environment_id       LowCardinality(String),
    external_customer_id String CODEC(ZSTD(1)),
    id                   String CODEC(ZSTD(1)),

    stage                LowCardinality(String), -- that decided it, such as consumer-primary
    outcome              LowCardinality(String), -- duplicate, conflict, dead_letter
    reason               String CODEC(ZSTD(1)),  -- for people
    content_hash         FixedString(16),

    source_topic         LowCardinality(String),
    source_epoch         UInt32 CODEC(ZSTD(1)),
    kafka_partition      UInt32 CODEC(ZSTD(1)),
    kafka_offset         UInt64 CODEC(Delta, ZSTD(1)),
    appended_at          DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)), -- when Kafka took the record
    decided_at           DateTime64(3, 'UTC') DEFAULT now64(3) CODEC(Delta, ZSTD(1)),

    -- Of a duplicate or conflict: where the event itself came from.
    first_epoch          UInt32 CODEC(ZSTD(1)),
    first_partition      UInt32 CODEC(ZSTD(1)),
    first_offset         UInt64 CODEC(Delta, ZSTD(1)),

    INDEX kafka_offset_range kafka_offset TYPE minmax GRANULARITY 1,
    INDEX kafka_partition_range kafka_partition TYPE minmax GRANULARITY 1
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(appended_at)
ORDER BY (tenant_id, environment_id, id, stage, source_topic, source_epoch, kafka_partition, kafka_offset);
