-- The graph in a form that can be searched, filled by a projector that follows the log: full text in the commit itself
-- would cost four fifths of its rate. What a text says to a search (folding, words, facts) is decided in Node, by the
-- same code that judges the candidates found here; so nothing in a body can be more than text to PostgreSQL, and a body
-- that jsonb or a text search parser would refuse is searched like any other.

create table search (
  household_id text collate "C" not null,
  record_id uuid not null,
  -- Of the head that this row tells of.
  seq bigint not null,
  type smallint not null,
  -- Folded, at most 256 characters.
  name text not null,
  -- The folded words of all texts of the body, and once more, behind a =, those of the name.
  words tsvector not null,
  -- `key=value` of the short plain values of the body, folded.
  facts text[] not null,
  primary key (household_id, record_id)
);
-- Beginnings in any locale.
create index search_by_name_start on search (household_id, name text_pattern_ops);
-- What waits to be merged into an index is read by every search, so it is kept short.
create index search_by_name_part on search using gin (household_id, name gin_trgm_ops)
  with (gin_pending_list_limit = 128);
create index search_by_words on search using gin (household_id, words) with (gin_pending_list_limit = 128);
create index search_by_facts on search using gin (household_id, facts) with (gin_pending_list_limit = 128);

-- The words that names are made of, few beside the names: a mistyped word is looked up among them.
create table search_words (
  household_id text collate "C" not null,
  word text collate "C" not null,
  primary key (household_id, word)
);
create index search_words_by_part on search_words using gin (household_id, word gin_trgm_ops)
  with (gin_pending_list_limit = 128);

-- How far each household's log has been projected into search.
create table search_positions (
  household_id text collate "C" primary key,
  projected_seq bigint not null default 0
) with (fillfactor = 50);

do $$
declare
  name text;
begin
  foreach name in array array['search', 'search_words', 'search_positions'] loop
    execute format('alter table %I enable row level security', name);
    execute format('alter table %I force row level security', name);
    execute format(
      'create policy own_households on %I to funkygibbon_app, funkygibbon_relay
         using (household_id = any ((select app_households())::text[]))
         with check (household_id = any ((select app_households())::text[]))', name);
  end loop;
end
$$;
-- The projector's sweep sees where every log stands, and nothing that it says.
create policy all_positions on search_positions to funkygibbon_relay using (true) with check (true);

grant select, insert, update, delete on search to funkygibbon_app;
grant select, insert on search_words to funkygibbon_app;
grant select, insert, update on search_positions to funkygibbon_app;
grant select on search_positions to funkygibbon_relay;
grant select on search, search_words to funkygibbon_definer;

-- The household of a function that looks past row level security: the one of the transaction, never an argument.
create function app_household() returns text
language plpgsql stable
as $$
begin
  if cardinality(app_households()) is distinct from 1 then
    raise exception 'the transaction is not scoped to one household' using errcode = 'insufficient_privilege';
  end if;
  return (app_households())[1];
end
$$;

-- Entities that may answer a query as it stands, best kinds first, at most p_limit of each kind. The caller judges and
-- ranks them. p_query is folded; p_pattern is the same as a LIKE pattern without its %; p_words is a tsquery over words,
-- empty when there are none. Trigram and text search operators are not leakproof, so under row level security the planner
-- may not use their indexes: hence the definer, who is not subject to it.
create function search_candidates(
  p_query text, p_pattern text, p_words text, p_types smallint[], p_limit integer
) returns table (record_id uuid)
language plpgsql stable security definer
set search_path = public, pg_temp
-- The beginning of a LIKE pattern must be known for its index to be used.
set plan_cache_mode = force_custom_plan set enable_seqscan = off
as $$
declare
  own text := app_household();
  found_count integer := 0;
  rows_found integer;
begin
  return query
    select s.record_id from search s
    where s.household_id = (select own) and s.name like p_pattern || '%' and s.type = any (p_types)
    order by s.name = p_query desc, length(s.name), s.name, s.record_id limit p_limit;
  get diagnostics rows_found = row_count;
  found_count := rows_found;

  if found_count < p_limit then
    return query
      select s.record_id from search s
      where s.household_id = (select own) and s.name like '%' || p_pattern || '%' and s.type = any (p_types)
      order by length(s.name), s.name, s.record_id limit p_limit;
    get diagnostics rows_found = row_count;
    -- A wider question finds again what a narrower one has found.
    found_count := greatest(found_count, rows_found);
  end if;

  if found_count < p_limit and p_words <> '' then
    return query
      select s.record_id from search s
      where s.household_id = (select own) and s.words @@ p_words::tsquery and s.type = any (p_types)
      -- A word says more of a short text than of a long one.
      order by length(s.words), s.name, s.record_id limit p_limit;
  end if;
end
$$;

-- Words of names that may be meant by some words, at most p_limit for each of these and for each of p_variants, which
-- stand for the words p_meant and are looked for as beginnings. The caller judges.
create function similar_words(p_words text[], p_meant text[], p_variants text[], p_limit integer)
returns table (meant text, word text)
language plpgsql stable security definer
set search_path = public, pg_temp
set plan_cache_mode = force_generic_plan set enable_seqscan = off
set pg_trgm.word_similarity_threshold = 0.25
as $$
declare
  own text := app_household();
begin
  return query
    select q.word, s.word from unnest(p_words) q (word) cross join lateral (
      select w.word from search_words w where w.household_id = (select own) and q.word <% w.word
      order by word_similarity(q.word, w.word) desc, w.word limit p_limit
    ) s;
  return query
    select q.meant, s.word from unnest(p_meant, p_variants) q (meant, variant) cross join lateral (
      select w.word from search_words w
      where w.household_id = (select own) and w.word >= q.variant and w.word < q.variant || chr(1114111)
      order by w.word limit p_limit
    ) s;
end
$$;

-- Entities whose names have the words that p_words asks for, a tsquery; those that p_best asks for first.
create function named_candidates(p_words text, p_best text, p_types smallint[], p_limit integer)
returns table (record_id uuid)
language plpgsql stable security definer
set search_path = public, pg_temp
set plan_cache_mode = force_generic_plan set enable_seqscan = off
as $$
declare
  own text := app_household();
begin
  return query
    select s.record_id from search s
    where s.household_id = (select own) and s.words @@ p_words::tsquery and s.type = any (p_types)
    order by s.words @@ p_best::tsquery desc, length(s.name), s.name, s.record_id limit p_limit;
end
$$;

-- Entities of one type that share facts with a given one, or have a name like it.
create function similar_candidates(p_type smallint, p_facts text[], p_name text, p_limit integer)
returns table (record_id uuid)
language plpgsql stable security definer
set search_path = public, pg_temp
set plan_cache_mode = force_custom_plan set enable_seqscan = off
set pg_trgm.similarity_threshold = 0.3
as $$
declare
  own text := app_household();
begin
  return query
    select s.record_id from search s
    where s.household_id = (select own) and s.type = p_type and s.facts && p_facts
    order by (select count(*) from unnest(s.facts) f where f = any (p_facts)) desc, s.record_id limit p_limit;
  return query
    select s.record_id from search s
    where s.household_id = (select own) and s.type = p_type and s.name % p_name
    order by similarity(s.name, p_name) desc, s.record_id limit p_limit;
end
$$;

-- The live entities that the index may not hold yet, newest first: the log is walked backwards from its end and no further
-- than the position. A function, because the position must be a plain value for that: as part of one statement it would
-- not be leakproof, and row level security would have every head of the household read before it is looked at.
create function unprojected_entities(p_household text, p_types smallint[], p_heads bigint, p_limit bigint)
returns table (record_id uuid)
language plpgsql stable
set plan_cache_mode = force_generic_plan set enable_seqscan = off set enable_bitmapscan = off
as $$
declare
  projected bigint := coalesce(
    (select p.projected_seq from search_positions p where p.household_id = p_household), 0);
begin
  return query
    select h.record_id
    from (
      select h.record_id, h.kind, h.type, h.deleted from heads h
      where h.household_id = p_household and h.seq > projected order by h.seq desc limit p_heads
    ) h
    where h.kind = 1 and not h.deleted and h.type = any (p_types)
    limit p_limit;
end
$$;

do $$
declare
  name text;
begin
  foreach name in array array[
    'search_candidates(text, text, text, smallint[], integer)', 'similar_words(text[], text[], text[], integer)',
    'named_candidates(text, text, smallint[], integer)', 'similar_candidates(smallint, text[], text, integer)'
  ] loop
    execute format('alter function %s owner to funkygibbon_definer', name);
    execute format('revoke execute on function %s from public', name);
    execute format('grant execute on function %s to funkygibbon_app', name);
  end loop;
end
$$;

-- The planner shall never think that the household alone is a good way to find something: every index begins with it, so
-- it costs nothing, but a household that is larger than the others, or newer than the last ANALYZE, would be read whole
-- for each search (160 ms instead of 4 for 20,000 entities). Hence one household as far as statistics go, compared with a
-- subselect, whose value the planner does not look up; and a table that has been analyzed before its first row comes
-- (see 0006). Stays behind the last index of the tables.
alter table search alter column household_id set (n_distinct = 1);
alter table search_words alter column household_id set (n_distinct = 1);
alter table search no force row level security;
alter table search_words no force row level security;
insert into search (household_id, record_id, seq, type, name, words, facts)
  select 'sample', gen_random_uuid(), n, 1 + n % 14, md5(n::text) || ' ' || n,
    array_to_tsvector(array[md5(n::text), 'word' || n % 100, 'kind' || n % 7]), array['maker=' || n % 20, 'serial=' || n]
  from generate_series(1, 2000) as n;
insert into search_words (household_id, word) select 'sample', md5(n::text) from generate_series(1, 2000) as n;
analyze search, search_words;
truncate search, search_words;
alter table search force row level security;
alter table search_words force row level security;
