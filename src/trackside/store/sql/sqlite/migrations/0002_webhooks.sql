-- Who is told of changes in the registry, and what they are still to be told.

CREATE TABLE webhook (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  uuid TEXT NOT NULL UNIQUE,  -- MLflow's webhook_id
  name TEXT NOT NULL,
  description TEXT,
  url TEXT NOT NULL,
  secret TEXT,                -- signs deliveries; as it is, since the server must read it to sign
  status TEXT NOT NULL,       -- ACTIVE, DISABLED
  created_ms INTEGER NOT NULL,
  updated_ms INTEGER NOT NULL
) STRICT;

CREATE TABLE webhook_event (
  webhook_id INTEGER NOT NULL REFERENCES webhook (id) ON DELETE CASCADE,
  event TEXT NOT NULL,        -- registered_model.created, model_version_tag.set, ...
  PRIMARY KEY (webhook_id, event)
) STRICT, WITHOUT ROWID;

CREATE INDEX webhook_by_event ON webhook_event (event, webhook_id);

-- Written in the transaction of the change that it tells of; deleted when it has arrived or was given up.
CREATE TABLE delivery (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  uuid TEXT NOT NULL,         -- X-MLflow-Delivery-Id, the same at every attempt
  webhook_id INTEGER NOT NULL REFERENCES webhook (id) ON DELETE CASCADE,
  event TEXT NOT NULL,
  body TEXT NOT NULL,
  attempts INTEGER NOT NULL DEFAULT 0,
  created_ms INTEGER NOT NULL,
  due_ms INTEGER NOT NULL
) STRICT;

CREATE INDEX delivery_by_webhook ON delivery (webhook_id, due_ms, id);
