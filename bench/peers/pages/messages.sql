SELECT id, parent_id, branch, depth, role, status, created_at, parts
FROM messages WHERE session_id = $1 AND branch = $2 ORDER BY depth DESC LIMIT $3
