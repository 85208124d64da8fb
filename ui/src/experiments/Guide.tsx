import { CopyButton } from '../base/Copy';
import { BASE } from '../base/location';
import css from './experiments.module.css';

/** The address that a training script sends to: this page's own, without the screen's part. */
function trackingUri(): string {
  return (location.origin + BASE).replace(/\/$/, '');
}

export function Guide({ experiment = 'my-experiment' }: { experiment?: string }) {
  const code = `import mlflow\nmlflow.set_tracking_uri("${trackingUri()}")\nmlflow.set_experiment("${experiment}")\nmlflow.log_metric("loss", 0.5, step=1)`;
  return (
    <div class={css.guide}>
      <pre class={css.code}>
        {code}
        <span>
          <CopyButton always text={code} label="Copy the code" />
        </span>
      </pre>
    </div>
  );
}
