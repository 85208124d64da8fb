import { at, get, patch, put, remove } from '../base/api';
import type { RegisteredModel } from '../base/api-types';
import { useLive } from '../base/live';
import { optimistic, stale, useQuery } from '../base/query';
import { throttle } from '../base/throttle';
import { attempt } from '../base/toast';

const modelKey = (name: string) => ['model', name] as const;
const refresh = throttle(() => stale(['model'], ['models']), 500);

export function useModel(name: string) {
  useLive([`model:${name}`], refresh);
  return useQuery<RegisteredModel>({
    key: modelKey(name),
    fetch: (signal) => get(at`models/${name}`, signal),
  });
}

function edit(
  name: string,
  what: string,
  change: (model: RegisteredModel) => RegisteredModel,
  request: () => Promise<unknown>,
): void {
  void attempt(what, () => optimistic<RegisteredModel>(modelKey(name), change, request)).then(() =>
    stale(['models']),
  );
}

/** Where an alias points after it was set or taken away: one version at most has it. */
export function withAlias(model: RegisteredModel, alias: string, version: string | null): RegisteredModel {
  const aliases = Object.fromEntries(Object.entries(model.aliases).filter(([name]) => name !== alias));
  if (version !== null) aliases[alias] = version;
  const versions = model.versions.map((one) => {
    const others = one.aliases.filter((name) => name !== alias);
    return { ...one, aliases: one.version === version ? [...others, alias].sort() : others };
  });
  return { ...model, aliases, versions };
}

export function setAlias(name: string, alias: string, version: string): void {
  edit(
    name,
    `Moving @${alias}`,
    (model) => withAlias(model, alias, version),
    () => put(at`models/${name}/aliases/${alias}`, { version }),
  );
}

export function deleteAlias(name: string, alias: string): void {
  edit(
    name,
    `Removing @${alias}`,
    (model) => withAlias(model, alias, null),
    () => remove(at`models/${name}/aliases/${alias}`),
  );
}

type Tags = Record<string, string>;

function without(tags: Tags, key: string): Tags {
  return Object.fromEntries(Object.entries(tags).filter(([other]) => other !== key));
}

/** Edits of a model, or of one of its versions. */
export function edits(name: string, version?: string) {
  const path = version === undefined ? at`models/${name}` : at`models/${name}/versions/${version}`;
  const change =
    (update: <T extends { tags: Tags; description: string }>(thing: T) => T) =>
    (model: RegisteredModel): RegisteredModel =>
      version === undefined
        ? update(model)
        : { ...model, versions: model.versions.map((one) => (one.version === version ? update(one) : one)) };
  return {
    describe: (description: string) =>
      edit(
        name,
        'Saving the description',
        change((thing) => ({ ...thing, description })),
        () => patch(path, { description }),
      ),
    setTag: (key: string, value: string) =>
      edit(
        name,
        `Setting tag ${key}`,
        change((thing) => ({ ...thing, tags: { ...thing.tags, [key]: value } })),
        () => put(`${path}${at`/tags/${key}`}`, { value }),
      ),
    deleteTag: (key: string) =>
      edit(
        name,
        `Removing tag ${key}`,
        change((thing) => ({ ...thing, tags: without(thing.tags, key) })),
        () => remove(`${path}${at`/tags/${key}`}`),
      ),
  };
}
