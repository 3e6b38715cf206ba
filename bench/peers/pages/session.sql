SELECT sessions.id, title, coalesce(branch, current_branch) AS branch
FROM sessions JOIN memberships ON memberships.session_id = sessions.id
WHERE sessions.id = $1 AND user_id = $2 AND deleted_at IS NULL
