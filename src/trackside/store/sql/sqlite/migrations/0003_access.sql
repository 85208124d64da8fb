-- Who may do what: accounts, what proves them, roles with their permissions, and the record of it.
-- A grant to one user is a permission of the user's own role, `__user_<id>__`, as MLflow has it.

CREATE TABLE account (
  id INTEGER PRIMARY KEY AUTOINCREMENT,  -- never used again: the own role's name holds it
  name TEXT NOT NULL UNIQUE,
  password_hash TEXT NOT NULL,           -- argon2id
  is_admin INTEGER NOT NULL DEFAULT 0,
  created_ms INTEGER NOT NULL
) STRICT;

CREATE TABLE role (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  workspace TEXT NOT NULL,               -- only those of 'default' count while workspaces are off
  name TEXT NOT NULL,
  description TEXT,
  UNIQUE (workspace, name)
) STRICT;

CREATE TABLE role_permission (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  role_id INTEGER NOT NULL REFERENCES role (id) ON DELETE CASCADE,
  resource_type TEXT NOT NULL,           -- experiment, registered_model, prompt, run, ...
  resource_pattern TEXT NOT NULL,        -- an id or name, or * for all
  permission TEXT NOT NULL,              -- READ, USE, EDIT, MANAGE, DENY, NO_PERMISSIONS
  UNIQUE (role_id, resource_type, resource_pattern)
) STRICT;

CREATE INDEX role_permission_by_resource ON role_permission (resource_type, resource_pattern);

CREATE TABLE role_member (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  account_id INTEGER NOT NULL REFERENCES account (id) ON DELETE CASCADE,
  role_id INTEGER NOT NULL REFERENCES role (id) ON DELETE CASCADE,
  UNIQUE (account_id, role_id)
) STRICT;

CREATE INDEX role_member_by_role ON role_member (role_id);

-- Personal tokens and sessions of browsers. Both are long random texts: SHA-256 of them is kept.
CREATE TABLE token (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  account_id INTEGER NOT NULL REFERENCES account (id) ON DELETE CASCADE,
  name TEXT NOT NULL,
  scope TEXT NOT NULL,                   -- read, edit, admin
  hash TEXT NOT NULL UNIQUE,
  created_ms INTEGER NOT NULL,
  expires_ms INTEGER                     -- null: never
) STRICT;

CREATE INDEX token_by_account ON token (account_id);

CREATE TABLE session (
  hash TEXT PRIMARY KEY,
  account_id INTEGER NOT NULL REFERENCES account (id) ON DELETE CASCADE,
  created_ms INTEGER NOT NULL,
  expires_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX session_by_account ON session (account_id);

CREATE TABLE audit (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  time_ms INTEGER NOT NULL,
  who TEXT NOT NULL,                     -- the user's name as it was; as it was given when sign-in failed
  action TEXT NOT NULL,                  -- method and path of the request
  detail TEXT NOT NULL,                  -- what it was done to
  address TEXT NOT NULL,                 -- where the request came from
  outcome INTEGER NOT NULL               -- HTTP status
) STRICT;
