-- A setting for the transaction: $1 its name, $2 its value, both put in as text.
SET LOCAL $1 = '$2'
