-- name: add_webhook
INSERT INTO webhook (uuid, name, description, url, secret, status, created_ms, updated_ms)
VALUES (:uuid, :name, :description, :url, :secret, :status, :now_ms, :now_ms)
RETURNING *;

-- name: webhook_by_uuid
SELECT * FROM webhook WHERE uuid = :uuid;

-- name: webhooks_newest_first
SELECT * FROM webhook ORDER BY created_ms DESC, id DESC LIMIT :limit OFFSET :offset;

-- name: update_webhook
UPDATE webhook SET name = :name, description = :description, url = :url, secret = :secret, status = :status,
  updated_ms = :now_ms
WHERE id = :id;

-- name: delete_webhook
-- What it was still to be told goes with it.
DELETE FROM webhook WHERE uuid = :uuid;

-- name: add_webhook_event
INSERT INTO webhook_event (webhook_id, event) VALUES (:webhook_id, :event);

-- name: delete_webhook_events
DELETE FROM webhook_event WHERE webhook_id = :webhook_id;

-- name: events_of_webhook
SELECT event FROM webhook_event WHERE webhook_id = :webhook_id ORDER BY event;

-- name: webhooks_to_tell
-- With how many deliveries wait for each; counting stops at :most.
SELECT webhook.id, webhook.uuid, webhook.name,
  (SELECT count(*) FROM (SELECT 1 FROM delivery WHERE webhook_id = webhook.id LIMIT :most) AS queued) AS waiting
FROM webhook_event JOIN webhook ON webhook.id = webhook_event.webhook_id
WHERE webhook_event.event = :event AND webhook.status = 'ACTIVE';

-- name: add_delivery
INSERT INTO delivery (uuid, webhook_id, event, body, created_ms, due_ms)
VALUES (:uuid, :webhook_id, :event, :body, :now_ms, :now_ms);

-- name: next_deliveries
-- Of each active webhook the first that waits. What holds it up holds up all behind it.
SELECT delivery.*, webhook.name, webhook.url, webhook.secret
FROM webhook JOIN delivery ON delivery.id = (
  SELECT min(first.id) FROM delivery AS first WHERE first.webhook_id = webhook.id
)
WHERE webhook.status = 'ACTIVE'
ORDER BY delivery.due_ms, delivery.id;

-- name: first_delivery
SELECT id, due_ms FROM delivery WHERE webhook_id = :webhook_id ORDER BY id LIMIT 1;

-- name: set_pause
-- The first delivery of a webhook keeps the pause for all of them.
UPDATE delivery SET attempts = :attempts, due_ms = :due_ms
WHERE id = (SELECT min(first.id) FROM delivery AS first WHERE first.webhook_id = :webhook_id);

-- name: delete_delivery
DELETE FROM delivery WHERE id = :id;

-- name: delete_old_deliveries
DELETE FROM delivery WHERE webhook_id = :webhook_id AND created_ms <= :before_ms;
