package main

import (
	"context"
	"flag"
	"log"
	"os"
	"path/filepath"
	"time"

	core "k8s.io/api/core/v1"
	storage "k8s.io/api/storage/v1"
	problem "k8s.io/apimachinery/pkg/api/errors"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
)

const provisioner = "playground.test/folder"

// volumes gives each claim of the default storage class a folder of its own, and takes the folder away with the claim: what a
// cluster's provisioner does. Anybody may write into it, as on a host path no fsGroup is applied.
func volumes() {
	config := flag.String("kubeconfig", "", "how to reach the API server")
	folder := flag.String("folder", "", "where the volumes are")
	flag.Parse()
	made := folders{folder: *folder, api: connect(*config)}
	made.offer()
	factory := informers.NewSharedInformerFactory(made.api, time.Minute)
	changed := func(handle func(any)) cache.ResourceEventHandler {
		return cache.ResourceEventHandlerFuncs{AddFunc: handle, UpdateFunc: func(_, now any) { handle(now) }}
	}
	claims, volumes := factory.Core().V1().PersistentVolumeClaims(), factory.Core().V1().PersistentVolumes()
	for _, watch := range []error{
		second(claims.Informer().AddEventHandler(changed(made.provide))),
		second(volumes.Informer().AddEventHandler(changed(made.reclaim))),
	} {
		if watch != nil {
			log.Fatal(watch)
		}
	}
	factory.Start(context.Background().Done())
	select {}
}

func second[T any](_ T, err error) error { return err }

type folders struct {
	folder string
	api    kubernetes.Interface
}

// offer makes the storage class, the default one.
func (made folders) offer() {
	class := &storage.StorageClass{
		ObjectMeta:  meta.ObjectMeta{Name: "folder", Annotations: map[string]string{"storageclass.kubernetes.io/is-default-class": "true"}},
		Provisioner: provisioner,
	}
	_, err := made.api.StorageV1().StorageClasses().Create(context.Background(), class, meta.CreateOptions{})
	if err != nil && !problem.IsAlreadyExists(err) {
		log.Fatal(err)
	}
}

func (made folders) provide(seen any) {
	claim := seen.(*core.PersistentVolumeClaim)
	if claim.Spec.VolumeName != "" || claim.DeletionTimestamp != nil || claim.Annotations["volume.kubernetes.io/storage-provisioner"] != provisioner {
		return
	}
	name := "folder-" + string(claim.UID)
	path := filepath.Join(made.folder, name)
	if err := os.MkdirAll(path, 0o777); err != nil {
		log.Print(err)
		return
	}
	// Whatever the umask is.
	if err := os.Chmod(path, 0o777); err != nil {
		log.Print(err)
		return
	}
	volume := &core.PersistentVolume{
		ObjectMeta: meta.ObjectMeta{Name: name, Annotations: map[string]string{"pv.kubernetes.io/provisioned-by": provisioner}},
		Spec: core.PersistentVolumeSpec{
			AccessModes:                   claim.Spec.AccessModes,
			Capacity:                      claim.Spec.Resources.Requests,
			ClaimRef:                      &core.ObjectReference{Kind: "PersistentVolumeClaim", APIVersion: "v1", Namespace: claim.Namespace, Name: claim.Name, UID: claim.UID},
			PersistentVolumeReclaimPolicy: core.PersistentVolumeReclaimDelete,
			PersistentVolumeSource:        core.PersistentVolumeSource{HostPath: &core.HostPathVolumeSource{Path: path}},
			StorageClassName:              *claim.Spec.StorageClassName,
		},
	}
	_, err := made.api.CoreV1().PersistentVolumes().Create(context.Background(), volume, meta.CreateOptions{})
	if err != nil && !problem.IsAlreadyExists(err) {
		log.Print(err)
	}
}

func (made folders) reclaim(seen any) {
	volume := seen.(*core.PersistentVolume)
	if volume.Status.Phase != core.VolumeReleased || volume.Annotations["pv.kubernetes.io/provisioned-by"] != provisioner {
		return
	}
	if err := os.RemoveAll(filepath.Join(made.folder, volume.Name)); err != nil {
		log.Print(err)
		return
	}
	err := made.api.CoreV1().PersistentVolumes().Delete(context.Background(), volume.Name, meta.DeleteOptions{})
	if err != nil && !problem.IsNotFound(err) {
		log.Print(err)
	}
}
