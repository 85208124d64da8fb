import { lazy } from 'preact-iso';
import { at } from '../base/api';
import type { ModelVersion } from '../base/api-types';
import { Copyable } from '../base/Copy';
import { Description, Tags } from '../base/Edit';
import { dateTime } from '../base/format';
import { links } from '../base/location';
import { Loading, Panel, Problem } from '../base/Panels';
import run from '../run/run.module.css';
import { Page } from '../shell/Page';
import { Aliases } from './Aliases';
import { edits, useModel } from './data';
import { RunLink, versionStatus } from './ModelPage';
import css from './models.module.css';

const Browser = lazy(() => import('../run/Artifacts').then((module) => module.Browser));

function Details({ name, version }: { name: string; version: ModelVersion }) {
  return (
    <Panel title="Details">
      <dl class={run.details}>
        <dt>Made by run</dt>
        <dd>
          <RunLink version={version} />
        </dd>
        <dt>Status</dt>
        <dd>{versionStatus(version)}</dd>
        {version.stage !== 'None' && (
          <>
            <dt>Stage</dt>
            <dd>{version.stage}</dd>
          </>
        )}
        <dt>Registered</dt>
        <dd>{dateTime(version.created_ms)}</dd>
        <dt>Load with</dt>
        <dd>
          <Copyable text={`models:/${name}/${version.version}`} />
        </dd>
        <dt>Source</dt>
        <dd>
          <Copyable text={version.source} />
        </dd>
      </dl>
    </Panel>
  );
}

export function VersionPage({ params }: { params: { name: string; version: string } }) {
  const { name } = params;
  const { data: model, error, retry } = useModel(name);
  const version = model?.versions.find((one) => one.version === params.version);
  const edit = edits(name, params.version);
  const gone = model && !version ? new Error(`${name} has no version ${params.version}.`) : null;
  const problem = error ?? gone;
  return (
    <Page
      title={`${name} version ${params.version}`}
      crumbs={[
        ['Models', links.models()],
        [name, links.model(name)],
      ]}
    >
      {problem && <Problem error={problem} retry={error ? retry : undefined} />}
      {!model && !error && <Loading />}
      {model && version && (
        <div class={css.page}>
          <div class={css.column}>
            <Description
              value={version.description}
              hint="What is special about this version."
              onSave={edit.describe}
            />
            <Browser
              root={at`models/${name}/versions/${version.version}/artifacts`}
              empty="The model's files are not here."
            />
          </div>
          <div class={css.column}>
            <Details name={name} version={version} />
            <Panel title="Aliases">
              <Aliases
                model={name}
                version={version.version}
                aliases={version.aliases}
                known={Object.keys(model.aliases)}
              />
            </Panel>
            <Tags tags={version.tags} onSet={edit.setTag} onDelete={edit.deleteTag} />
          </div>
        </div>
      )}
    </Page>
  );
}
