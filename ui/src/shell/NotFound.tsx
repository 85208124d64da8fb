import { Compass } from 'lucide';
import { links } from '../base/location';
import { Empty } from '../base/Panels';
import { Page } from './Page';

export function NotFound() {
  return (
    <Page title="Page not found" heading={null}>
      <Empty icon={Compass} title="Nothing lives at this address">
        <p>
          The link may be cut short. Start from <a href={links.experiments()}>experiments</a> or{' '}
          <a href={links.models()}>models</a>.
        </p>
      </Empty>
    </Page>
  );
}
