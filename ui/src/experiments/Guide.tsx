import { get } from '../base/api';
import type { Me } from '../base/api-types';
import { CopyButton } from '../base/Copy';
import { BASE } from '../base/location';
import { useQuery } from '../base/query';
import css from './experiments.module.css';

/** The address that a training script sends to: this page's own, without the screen's part. */
function trackingUri(): string {
  return (location.origin + BASE).replace(/\/$/, '');
}

/** A text as one word of a shell command. */
function quoted(text: string): string {
  return /^[\w.@-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

function Code({ text, label }: { text: string; label: string }) {
  return (
    <pre class={css.code}>
      {text}
      <span>
        <CopyButton always text={text} label={label} />
      </span>
    </pre>
  );
}

/** What a script needs to send its runs here: who it is, on a server that asks, and where. */
export function Guide({ experiment = 'my-experiment' }: { experiment?: string }) {
  const me = useQuery<Me>({ key: ['me'], fetch: (signal) => get('me', signal) }).data;
  const login = `# in the shell that starts the script
export MLFLOW_TRACKING_USERNAME=${quoted(me?.name ?? '')}
export MLFLOW_TRACKING_PASSWORD=your-password
# or, with what \`trackside token create my-laptop\` prints:
# export MLFLOW_TRACKING_TOKEN=tsk_your-token`;
  const code = `import mlflow\nmlflow.set_tracking_uri("${trackingUri()}")\nmlflow.set_experiment(${JSON.stringify(experiment)})\nmlflow.log_metric("loss", 0.5, step=1)`;
  return (
    <div class={css.guide}>
      {me?.auth && <Code text={login} label="Copy the sign-in" />}
      <Code text={code} label="Copy the code" />
    </div>
  );
}
