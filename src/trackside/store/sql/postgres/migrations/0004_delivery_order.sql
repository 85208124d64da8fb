-- What waits for one receiver is sent in the order of the changes; only the first of it knows the pause.

CREATE INDEX delivery_in_order ON delivery (webhook_id, id);
DROP INDEX delivery_by_webhook;
