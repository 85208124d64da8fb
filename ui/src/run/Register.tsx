import { useEffect, useState } from 'preact/hooks';
import { useLocation } from 'preact-iso';
import { at, get, post } from '../base/api';
import type {
  ArtifactList,
  LoggedModel,
  ModelVersion,
  NewModelVersion,
  RegisteredModelList,
  Run,
} from '../base/api-types';
import { Dialog } from '../base/Dialog';
import { links } from '../base/location';
import { Loading } from '../base/Panels';
import { stale, useQuery } from '../base/query';
import { toast } from '../base/toast';
import ui from '../base/ui.module.css';
import { runKey } from './data';
import { nameOf } from './tree';

export interface RegisterFrom {
  /** A folder of the run's artifacts, or one of its logged models; without either, whatever the run has is offered. */
  path?: string;
  model?: LoggedModel;
}

interface Source {
  label: string;
  path: string;
  modelId: string | null;
}

const MOST_FOLDERS = 30;

function loggedSource(model: LoggedModel): Source {
  return { label: `${model.name} (logged model)`, path: model.name, modelId: model.model_id };
}

/** What was chosen before the dialog opened. */
function given(from: RegisterFrom): Source[] | null {
  if (from.model) return [loggedSource(from.model)];
  return from.path ? [{ label: `${from.path}/`, path: from.path, modelId: null }] : null;
}

/** What of a run can become a version: its logged models, and folders that hold an MLmodel file. */
async function findSources(run: Run, signal: AbortSignal): Promise<Source[]> {
  const root = at`runs/${run.run_id}/artifacts`;
  const top = await get<ArtifactList>(`${root}?path=`, signal);
  const folders = top.files.filter((file) => file.is_dir).slice(0, MOST_FOLDERS);
  const inside = await Promise.all(
    folders.map((folder) => get<ArtifactList>(`${root}?path=${encodeURIComponent(folder.path)}`, signal)),
  );
  const models = folders.filter((_, index) =>
    inside[index]?.files.some((file) => nameOf(file.path) === 'MLmodel'),
  );
  return [
    ...run.models.map(loggedSource),
    ...models.map((folder) => ({ label: `${folder.path}/`, path: folder.path, modelId: null })),
  ];
}

/** The registered model's name: a new one, or one of those that exist. */
function NameField({ name, onName }: { name: string; onName: (name: string) => void }) {
  const models = useQuery<RegisteredModelList>({
    key: ['models', ''],
    fetch: (signal) => get('models', signal),
  });
  const known = models.data?.models.find((model) => model.name === name.trim());
  return (
    <label class={ui.field}>
      <span>Registered name</span>
      <input
        class={ui.input}
        required
        autofocus
        list="registered-models"
        value={name}
        onInput={(event) => onName(event.currentTarget.value)}
      />
      <datalist id="registered-models">
        {models.data?.models.map((model) => (
          <option key={model.name} value={model.name} />
        ))}
      </datalist>
      <small class={ui.hint}>
        {known
          ? `Becomes the next version of ${known.name}, after version ${known.latest_version ?? '0'}.`
          : 'A new registered model, version 1.'}
      </small>
    </label>
  );
}

export function Register({ run, from, onClose }: { run: Run; from: RegisterFrom; onClose: () => void }) {
  const { route } = useLocation();
  const sources = useQuery<Source[]>({
    key: ['sources', run.run_id],
    fetch: (signal) => findSources(run, signal),
  });
  const [chosen, setChosen] = useState('');
  const [name, setName] = useState('');
  const chosenBefore = given(from);
  const list = chosenBefore ?? sources.data ?? [];
  const source = list.find((one) => one.label === chosen) ?? list[0];
  // The model's own name is the best guess, until somebody types.
  useEffect(() => {
    if (source && !name) setName(nameOf(source.path));
  }, [source?.label]);
  const submit = async () => {
    if (!source) return;
    const body: NewModelVersion = { run_id: run.run_id, path: source.path, model_id: source.modelId };
    const made = await post<ModelVersion>(at`models/${name.trim()}/versions`, body);
    stale(['models'], ['model'], runKey(run.run_id));
    toast(`Registered ${made.name} version ${made.version}`, {
      action: { label: 'Open', run: () => route(links.version(made.name, made.version)) },
    });
  };
  const nothing = !chosenBefore && sources.data?.length === 0;
  return (
    <Dialog title="Register model" action={source ? 'Register' : ''} onClose={onClose} onSubmit={submit}>
      {!chosenBefore && !sources.data && <Loading rows={2} />}
      {nothing && (
        <p>
          This run has no model yet. <code>mlflow.pytorch.log_model(model, name="…")</code> logs one; a folder
          with an MLmodel file works too.
        </p>
      )}
      {source && (
        <>
          <label class={ui.field}>
            <span>Model</span>
            <select
              class={ui.input}
              value={source.label}
              onChange={(event) => setChosen(event.currentTarget.value)}
            >
              {list.map((one) => (
                <option key={one.label}>{one.label}</option>
              ))}
            </select>
          </label>
          <NameField name={name} onName={setName} />
        </>
      )}
    </Dialog>
  );
}
