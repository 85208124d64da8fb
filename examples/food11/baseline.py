"""Fine-tune MobileNetV2 on Food-11: first its head, then the whole network.

FOOD11_DATA_DIR names the folder that `trackside data food11` has prepared.
"""

import argparse
import copy
import os
import time

import torch
from torch import nn
from torch.utils.data import DataLoader
from torchvision import datasets, models, transforms

device = torch.device("cuda" if torch.cuda.is_available() else "cpu")

resize = [transforms.Resize(224), transforms.CenterCrop(224)]
augment = [
    transforms.RandomHorizontalFlip(),
    transforms.RandomRotation(15),
    transforms.ColorJitter(brightness=0.2, contrast=0.2, saturation=0.2, hue=0.1),
]
normalize = [transforms.ToTensor(), transforms.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])]


def make_loader(config, split, transform, *, shuffle=False):
    dataset = datasets.ImageFolder(f"{config['data_dir']}/{split}", transforms.Compose(transform))
    return DataLoader(
        dataset, batch_size=config["batch_size"], shuffle=shuffle, num_workers=config["num_workers"]
    )


def make_model(config):
    model = models.mobilenet_v2(weights="DEFAULT")
    model.classifier = nn.Sequential(nn.Dropout(config["dropout"]), nn.Linear(model.last_channel, 11))
    return model.to(device)


def run_epoch(model, loader, optimizer=None):
    """One pass over a split, learning if there is an optimizer; returns mean loss and accuracy."""
    model.train(optimizer is not None)
    total_loss, correct = 0.0, 0
    with torch.set_grad_enabled(optimizer is not None):
        for images, labels in loader:
            outputs = model(images.to(device))
            loss = nn.functional.cross_entropy(outputs, labels.to(device))
            if optimizer is not None:
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
            total_loss += loss.item() * len(labels)
            correct += (outputs.argmax(1).cpu() == labels).sum().item()
    return total_loss / len(loader.dataset), correct / len(loader.dataset)


def start_phase(config, model, *, head_only):
    """Freeze or thaw the backbone; returns an optimizer for what is to learn."""
    model.features.requires_grad_(not head_only)
    learning = [parameter for parameter in model.parameters() if parameter.requires_grad]
    return torch.optim.Adam(learning, lr=config["head_lr"] if head_only else config["lr"])


def train(config):
    """Train, keep the epoch with the lowest validation loss, and test it."""
    torch.manual_seed(config["seed"])
    train_loader = make_loader(config, "training", resize + augment + normalize, shuffle=True)
    val_loader = make_loader(config, "validation", resize + normalize)
    test_loader = make_loader(config, "evaluation", resize + normalize)
    model = make_model(config)

    best_loss, best_state, waited = float("inf"), None, 0
    for epoch in range(1, config["epochs"] + 1):
        head_only = epoch <= config["head_epochs"]
        if epoch in (1, config["head_epochs"] + 1):
            optimizer = start_phase(config, model, head_only=head_only)
        start = time.time()
        metrics = {}
        metrics["train_loss"], metrics["train_accuracy"] = run_epoch(model, train_loader, optimizer)
        metrics["val_loss"], metrics["val_accuracy"] = run_epoch(model, val_loader)
        metrics["epoch_time"] = time.time() - start
        metrics["trainable_params"] = sum(p.numel() for p in model.parameters() if p.requires_grad)
        print(f"epoch {epoch}", metrics, flush=True)

        if metrics["val_loss"] < best_loss:
            best_loss, best_state, waited = metrics["val_loss"], copy.deepcopy(model.state_dict()), 0
        elif not head_only:
            waited += 1
        if waited == config["patience"]:
            print(f"stopping: no better validation loss for {waited} epochs", flush=True)
            break

    model.load_state_dict(best_state)
    test_loss, test_accuracy = run_epoch(model, test_loader)
    print(f"test loss {test_loss:.4f}, test accuracy {test_accuracy:.4f}", flush=True)
    torch.save(best_state, "food11.pth")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data-dir", default=os.environ.get("FOOD11_DATA_DIR", "data/food11"))
    parser.add_argument("--epochs", type=int, default=20, help="of both phases together, at most")
    parser.add_argument("--head-epochs", type=int, default=5, help="of these, with the backbone frozen")
    parser.add_argument("--head-lr", type=float, default=1e-4)
    parser.add_argument("--lr", type=float, default=1e-5)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--dropout", type=float, default=0.5)
    parser.add_argument("--patience", type=int, default=5, help="epochs without a better validation loss")
    parser.add_argument("--num-workers", type=int, default=0)
    parser.add_argument("--seed", type=int, default=42)
    config = vars(parser.parse_args())
    train(config)
