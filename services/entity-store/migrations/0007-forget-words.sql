-- A word that no name has any more leads nowhere, but a mistyped word is compared with it, and a household whose devices
-- are renamed by a bridge every night would gather words for ever. So the projector says which words the names that it has
-- just replaced had, and those that no name has now are removed. One projector works on a household at a time
-- (search_positions), so no name with such a word comes up in between. As for the searches of 0004, only a function that
-- is not subject to row level security may ask the index.
create function forget_words(p_words text[]) returns void
language plpgsql security definer
set search_path = public, pg_temp
-- To find one row the planner would rather read the household in the order of its key, and for a word that is gone all of it.
set plan_cache_mode = force_generic_plan set enable_seqscan = off set enable_indexscan = off
as $$
declare
  own text := app_household();
  name_word text;
begin
  foreach name_word in array p_words loop
    if not exists (
      select from search s
      where s.household_id = (select own) and s.words @@ ('''=' || name_word || '''')::tsquery
    ) then
      delete from search_words w where w.household_id = (select own) and w.word = name_word;
    end if;
  end loop;
end
$$;

alter function forget_words(text[]) owner to funkygibbon_definer;
revoke execute on function forget_words(text[]) from public;
grant execute on function forget_words(text[]) to funkygibbon_app;
grant delete on search_words to funkygibbon_definer;
