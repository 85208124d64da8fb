-- name: admin_count
SELECT count(*) AS n FROM account WHERE is_admin = 1;

-- name: accounts
SELECT id, name, is_admin, created_ms FROM account ORDER BY id;

-- name: account_by_name
SELECT * FROM account WHERE name = :name;

-- name: account_by_id
SELECT * FROM account WHERE id = :id;

-- name: add_account
INSERT INTO account (name, password_hash, is_admin, created_ms)
VALUES (:name, :password_hash, :is_admin, :now_ms)
RETURNING *;

-- name: set_password
UPDATE account SET password_hash = :password_hash WHERE id = :id;

-- name: set_admin
UPDATE account SET is_admin = :is_admin WHERE id = :id;

-- name: delete_account
-- Tokens, sessions and memberships go with it.
DELETE FROM account WHERE id = :id;

-- name: add_role
INSERT INTO role (workspace, name, description) VALUES (:workspace, :name, :description) RETURNING *;

-- name: role_by_id
SELECT * FROM role WHERE id = :id;

-- name: role_by_name
SELECT * FROM role WHERE workspace = :workspace AND name = :name;

-- name: roles
SELECT * FROM role ORDER BY id;

-- name: roles_of_account
SELECT role.* FROM role_member JOIN role ON role.id = role_member.role_id
WHERE role_member.account_id = :account_id
ORDER BY role.id;

-- name: update_role
UPDATE role SET name = :name, description = :description WHERE id = :id;

-- name: delete_role
-- Its permissions and memberships go with it.
DELETE FROM role WHERE id = :id;

-- name: delete_own_roles
DELETE FROM role WHERE name = :name;

-- name: permissions_of_role
SELECT * FROM role_permission WHERE role_id = :role_id ORDER BY id;

-- name: permission_by_id
SELECT * FROM role_permission WHERE id = :id;

-- name: permission_of_role
SELECT * FROM role_permission
WHERE role_id = :role_id AND resource_type = :resource_type AND resource_pattern = :resource_pattern;

-- name: add_permission
INSERT INTO role_permission (role_id, resource_type, resource_pattern, permission)
VALUES (:role_id, :resource_type, :resource_pattern, :permission)
RETURNING *;

-- name: set_permission
UPDATE role_permission SET permission = :permission WHERE id = :id;

-- name: delete_permission
DELETE FROM role_permission WHERE id = :id;

-- name: own_permissions_on
-- Grants to single users on one thing: those on a registered model follow its name.
SELECT role_permission.id FROM role_permission JOIN role ON role.id = role_permission.role_id
WHERE resource_type = :resource_type AND resource_pattern = :resource_pattern AND role.name LIKE '\_\_user\_%' ESCAPE '\';

-- name: move_permission
UPDATE role_permission SET resource_pattern = :resource_pattern WHERE id = :id;

-- name: grants_of_account
SELECT resource_type, resource_pattern, permission
FROM role_member
JOIN role ON role.id = role_member.role_id AND role.workspace = 'default'
JOIN role_permission ON role_permission.role_id = role.id
WHERE role_member.account_id = :account_id;

-- name: add_member
INSERT INTO role_member (account_id, role_id) VALUES (:account_id, :role_id) RETURNING *;

-- name: member
SELECT * FROM role_member WHERE account_id = :account_id AND role_id = :role_id;

-- name: members_of_role
SELECT * FROM role_member WHERE role_id = :role_id ORDER BY id;

-- name: delete_member
DELETE FROM role_member WHERE id = :id;

-- name: add_token
INSERT INTO token (account_id, name, scope, hash, created_ms, expires_ms)
VALUES (:account_id, :name, :scope, :hash, :now_ms, :expires_ms)
RETURNING *;

-- name: token_by_hash
SELECT token.*, account.name AS account_name FROM token JOIN account ON account.id = token.account_id
WHERE hash = :hash;

-- name: tokens
SELECT token.*, account.name AS account_name FROM token JOIN account ON account.id = token.account_id
ORDER BY token.id;

-- name: tokens_of_account
SELECT token.*, account.name AS account_name FROM token JOIN account ON account.id = token.account_id
WHERE account_id = :account_id ORDER BY token.id;

-- name: token_by_id
SELECT * FROM token WHERE id = :id;

-- name: delete_token
DELETE FROM token WHERE id = :id;

-- name: add_session
INSERT INTO session (hash, account_id, created_ms, expires_ms) VALUES (:hash, :account_id, :now_ms, :expires_ms);

-- name: session_by_hash
SELECT * FROM session WHERE hash = :hash;

-- name: delete_session
DELETE FROM session WHERE hash = :hash;

-- name: delete_sessions_of_account
DELETE FROM session WHERE account_id = :account_id;

-- name: delete_old_sessions
DELETE FROM session WHERE expires_ms < :now_ms;

-- name: add_audit
INSERT INTO audit (time_ms, who, action, detail, address, outcome)
VALUES (:time_ms, :who, :action, :detail, :address, :outcome)
RETURNING id;

-- name: trim_audit
DELETE FROM audit WHERE id <= :id;

-- name: audit_before
SELECT * FROM audit WHERE id < :before ORDER BY id DESC LIMIT :limit;

-- name: experiments_at_location
-- Those whose artifact location contains this one, equals it or lies in it; deleted ones too.
SELECT id, artifact_location FROM experiment
WHERE substr(:location || '/', 1, length(rtrim(artifact_location, '/')) + 1) = rtrim(artifact_location, '/') || '/'
  OR substr(artifact_location || '/', 1, length(:location) + 1) = :location || '/'
ORDER BY id;

-- name: locations_in_store
SELECT id, artifact_location FROM experiment
WHERE artifact_location = :store OR substr(artifact_location, 1, length(:store) + 1) = :store || '/';

-- name: prompt_by_name
SELECT 1 AS found FROM registered_model_tag JOIN registered_model ON registered_model.id = model_id
WHERE registered_model.name = :name AND key = 'mlflow.prompt.is_prompt' AND value = 'true';
