-- name: shared_secret
SELECT secret FROM shared_secret;
