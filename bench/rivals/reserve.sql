-- Stock as a row a product, as a row a unit, and the reservations of either. What a bench needs of a shop, no more.

CREATE TABLE stock (
  product_id text PRIMARY KEY,
  available integer NOT NULL CHECK (available >= 0)
) WITH (fillfactor = 50); -- room for the next version of a row beside it, so that no index changes

CREATE TABLE unit (
  id bigint PRIMARY KEY,
  product_id text NOT NULL,
  reservation_id text
);
CREATE INDEX unit_free ON unit (product_id, id) WHERE reservation_id IS NULL;

CREATE TABLE reservation (
  id text PRIMARY KEY,
  product_id text NOT NULL,
  customer_id text NOT NULL,
  quantity integer NOT NULL,
  expires_at timestamptz NOT NULL
);
CREATE INDEX reservation_expiry ON reservation (expires_at);

-- Many requests in one transaction: each product's row is locked and updated once, for all of its requests that the
-- units suffice for, in the order in which they came. A repeated id changes nothing. Returns the ids that are not held.
CREATE FUNCTION reserve_all(ids text[], products text[], customers text[], quantities integer[], expiry timestamptz)
RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
  -- In the order of ids, so that two batches never wait for each other.
  PERFORM 1 FROM stock WHERE product_id = ANY (products) ORDER BY product_id FOR NO KEY UPDATE;
  RETURN QUERY
  WITH request AS (
    SELECT * FROM unnest(ids, products, customers, quantities)
      WITH ORDINALITY AS r (id, product_id, customer_id, quantity, place)
  ), known AS (
    SELECT reservation.id FROM reservation WHERE reservation.id = ANY (ids)
  ), running AS (
    SELECT request.*, stock.available,
      sum(quantity) OVER (PARTITION BY request.product_id ORDER BY place) AS taken
    FROM request JOIN stock USING (product_id)
    WHERE request.id NOT IN (SELECT known.id FROM known)
  ), accepted AS (
    SELECT * FROM running WHERE taken <= running.available
  ), updated AS (
    UPDATE stock SET available = stock.available - sums.units
    FROM (SELECT product_id, sum(quantity)::integer AS units FROM accepted GROUP BY product_id) AS sums
    WHERE stock.product_id = sums.product_id
  ), inserted AS (
    INSERT INTO reservation SELECT accepted.id, product_id, customer_id, quantity, expiry FROM accepted
  )
  SELECT running.id FROM running WHERE taken > running.available;
END
$$;
