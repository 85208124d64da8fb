import { Package, Search } from 'lucide';
import { useRef } from 'preact/hooks';
import { get } from '../base/api';
import type { RegisteredModelList, RegisteredModelSummary } from '../base/api-types';
import { useCommands } from '../base/commands';
import { Chip } from '../base/Edit';
import { count, integer } from '../base/format';
import { Icon } from '../base/Icon';
import { useLive } from '../base/live';
import { links } from '../base/location';
import { Empty, Loading, Problem } from '../base/Panels';
import { stale, useQuery } from '../base/query';
import { TableRows } from '../base/TableRows';
import { Ago } from '../base/Time';
import { throttle } from '../base/throttle';
import ui from '../base/ui.module.css';
import { screen, text, useUrlState } from '../base/url';
import { usePageRows } from '../base/virtual';
import { Page } from '../shell/Page';
import css from './models.module.css';

const view = screen({ q: text() });
const refresh = throttle(() => stale(['models']), 500);

const ROW = 36;

function Row({ model, rowIndex }: { model: RegisteredModelSummary; rowIndex: number }) {
  const aliases = Object.entries(model.aliases);
  return (
    <tr aria-rowindex={rowIndex}>
      <td class={`${css.name} cut`}>
        <a href={links.model(model.name)} title={model.name}>
          {model.name}
        </a>
      </td>
      <td class="num">{integer(model.versions)}</td>
      <td class={css.wide}>
        {model.latest_version && (
          <a href={links.version(model.name, model.latest_version)}>Version {model.latest_version}</a>
        )}
      </td>
      <td>
        <span class={`row ${css.chips}`} style={{ gap: '4px' }}>
          {aliases.map(([alias, version]) => (
            <a key={alias} href={links.version(model.name, version)} title={`Version ${version}`}>
              <Chip alias text={alias} />
            </a>
          ))}
          {aliases.length === 0 && <span class="dim">–</span>}
        </span>
      </td>
      <td class={css.wide}>
        <Ago ms={model.updated_ms} />
      </td>
    </tr>
  );
}

function Table({ models }: { models: RegisteredModelSummary[] }) {
  const body = useRef<HTMLTableSectionElement>(null);
  const rows = usePageRows(body, models.length, ROW);
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolled region must be reachable by keys
    <section class={css.table} tabIndex={0} aria-label="Registered models">
      <table aria-rowcount={models.length + 1}>
        <colgroup>
          <col />
          <col style={{ width: '100px' }} />
          <col class={css.wide} style={{ width: '140px' }} />
          <col style={{ width: '34%' }} />
          <col class={css.wide} style={{ width: '130px' }} />
        </colgroup>
        <thead>
          <tr>
            <th scope="col">Name</th>
            <th scope="col" class="num">
              Versions
            </th>
            <th scope="col" class={css.wide}>
              Latest
            </th>
            <th scope="col">Aliases</th>
            <th scope="col" class={css.wide}>
              Changed
            </th>
          </tr>
        </thead>
        <TableRows items={models} rows={rows} size={ROW} columns={5} body={body}>
          {(model, rowIndex) => <Row key={model.name} model={model} rowIndex={rowIndex} />}
        </TableRows>
      </table>
    </section>
  );
}

export function ModelsPage() {
  const [{ q }, setState] = useUrlState(view);
  const { data, error, retry } = useQuery<RegisteredModelList>({
    key: ['models', q],
    fetch: (signal) => get(`models?search=${encodeURIComponent(q)}`, signal),
    keep: true,
  });
  useLive(['models'], refresh);
  useCommands([
    {
      id: 'filter',
      name: 'Search models',
      section: 'Models',
      keys: '/',
      run: () => document.getElementById('search')?.focus(),
    },
  ]);
  const models = data?.models;
  const tools = (
    <label class={ui.search}>
      <Icon of={Search} size={14} />
      <input
        id="search"
        class={ui.input}
        type="search"
        placeholder="Search by name"
        aria-label="Search models"
        value={q}
        onInput={(event) => setState({ q: event.currentTarget.value }, true)}
      />
    </label>
  );
  return (
    <Page title="Models" tools={tools}>
      {error && <Problem error={error} retry={retry} />}
      {!models && !error && <Loading />}
      {models && models.length > 0 && (
        <>
          <Table models={models} />
          <p class="dim">{count(models.length, 'registered model')}</p>
        </>
      )}
      {models?.length === 0 &&
        (q ? (
          <Empty icon={Search} title={`No model has “${q}” in its name`} />
        ) : (
          <Empty icon={Package} title="No registered models">
            <p>
              Open a run that logged a model and press <b>Register model</b>, or call{' '}
              <code>mlflow.register_model(uri, "name")</code>.
            </p>
          </Empty>
        ))}
    </Page>
  );
}
