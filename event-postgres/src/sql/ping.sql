-- Whether the server still answers on a connection that is idle.
SELECT 1
